#!lua
-- Brings dead letters back from a file, with their ids, times and histories: they count as accepted, and as dead.
-- Refused when memory is short, as an append is.
-- KEYS  the fixed keys of the slot
-- ARGV  layout, shards, most percent of Redis's maxmemory that may be in use, then for each letter: its id, its first
--       code, account, order, kind, when it died (ms), its event time (ms; '' of the intake), the stored event, and how
--       many letters of its id there were when it was found not to be among them. No id stands there twice.
-- Gives the places in the call (from 0) of letters that were not added, since others of their id came or went meanwhile;
-- or an error whose first word says why: LAYOUT, SHARDS, FULL, MALFORMED.
local HEAD, LETTER = 3, 9

local function refusal()
  if (#ARGV - HEAD) % LETTER ~= 0 then return 'MALFORMED import: its arguments do not add up' end
  local known = redis.call('HMGET', meta, 'layout', 'shards')
  if known[1] and known[1] ~= ARGV[1] then return 'LAYOUT the data in Redis has layout ' .. known[1] end
  if known[2] and known[2] ~= ARGV[2] then return 'SHARDS the data in Redis is spread over ' .. known[2] .. ' shards' end
  local percent = look_at_memory(ARGV[3])
  if percent then return 'FULL ' .. percent .. ' percent of the maxmemory of Redis are in use' end
  if not known[1] then redis.call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2]) end
end

local function bring_back(at)
  local id, code, account = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('ZLEXCOUNT', dead_ids, '[' .. id .. '\0', '(' .. id .. '\1') ~= tonumber(ARGV[at + 8]) then return false end
  local number = next_letter()
  redis.call('HSET', letter_key(number), 'account', account, 'order', ARGV[at + 3], 'kind', ARGV[at + 4], 'id', id,
    'code', code, 'event', ARGV[at + 7])
  note_letter(ARGV[at + 5], number, id, code, account, ARGV[at + 6])
  return true
end

local refused, left = refusal(), {}
if refused then return redis.error_reply(refused) end
for at = HEAD + 1, #ARGV, LETTER do
  if not bring_back(at) then left[#left + 1] = (at - HEAD - 1) / LETTER end
end
local added = (#ARGV - HEAD) / LETTER - #left
if added > 0 then redis.call('HINCRBY', base .. 'stats', 'imported', added) end
count('accepted', added)
count('dead', added)
book()
return left
