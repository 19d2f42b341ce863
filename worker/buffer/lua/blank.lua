#!lua flags=allow-oom
-- Blanks the text of events that no batch holds any more (they were delivered, or died), where their list is kept for
-- others that share it.
-- KEYS  the fixed keys of the slot
-- ARGV  list, number of its owners, their ids, then for each run of neighbours: its first and last place in the list, the
--       SHA-1 of its stored events put together
-- Gives the number of events blanked; 0, and nothing is changed, if the list has other owners or is not as it was read.
local list, owners = ARGV[1], tonumber(ARGV[2])
local RUNS, RUN = 3 + owners, 3

local held_by = {}
for at = 3, 2 + owners do
  local f = redis.call('HMGET', batch_key(ARGV[at]), 'events', 'list', 'first', 'last')
  if not f[1] or (f[2] or ARGV[at]) ~= list then return 0 end
  held_by[#held_by + 1] = { first = tonumber(f[3] or 0), last = tonumber(f[4] or f[1] - 1) }
end
if owners ~= tonumber(redis.call('GET', owners_key(list)) or 1) then return 0 end

local function is_free(first, last)
  for _, owner in ipairs(held_by) do
    if first <= owner.last and owner.first <= last then return false end
  end
  return true
end

local function is_as_read(first, last, digest)
  local stored = redis.call('LRANGE', events_key(list), first, last)
  return #stored == last - first + 1 and redis.sha1hex(table.concat(stored)) == digest
end

local blanked = 0
for at = RUNS, #ARGV, RUN do
  local first, last = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  if not is_free(first, last) or not is_as_read(first, last, ARGV[at + 2]) then return 0 end
  blanked = blanked + last - first + 1
end
for at = RUNS, #ARGV, RUN do
  for place = tonumber(ARGV[at]), tonumber(ARGV[at + 1]) do redis.call('LSET', events_key(list), place, '') end
end
return blanked
