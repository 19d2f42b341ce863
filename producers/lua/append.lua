#!lua
-- Adds events to the open batches of their order keys: one hash and one push an order key. A batch that is full, or of
-- another kind than what comes, is sealed and the next one opened. Refused at a bound below Redis's own, so that what
-- drains the buffer (and the broker, which may live in the same Redis) still has room. An event whose id was accepted
-- within the window is not added again.
-- KEYS  the fixed keys of the slot
-- ARGV  layout, shards, now or '', epoch, most events and most bytes that may wait in the slot (0: any), most percent of
--       Redis's maxmemory that may be in use, window in which an id is accepted once (s; 0: no id is noted), groups,
--       then for each group:
--       account, order, kind, cap in events, cap in bytes, linger ms, oldest, newest (event times, ms), events,
--       sizes (u32 each, the bytes in the request), prints (12 bytes each, see ids.lua), the stored events
-- Gives the number of events added; if some were not, a list of that number and for each of those its place in the call
-- (from 0), 'duplicate' or 'conflict' (another content), and the batch that the first one went into. Or an error whose
-- first word says why: LAYOUT, SHARDS, MALFORMED, FULL.
--@with ids
local HEAD, GROUP, MOST = 9, 11, 4000 -- unpack of more would overflow Lua's stack
local LOOK_BYTES = 65536 -- the memory in use is looked at again after so many bytes

local function sound(group)
  return group.cap_events and group.cap_events >= 1 and group.cap_bytes and group.linger and group.oldest
    and group.newest
end

local function groups_given()
  local groups, at = {}, HEAD + 1
  for _ = 1, tonumber(ARGV[HEAD]) or 0 do
    local n = tonumber(ARGV[at + 8])
    local sizes, prints = ARGV[at + 9], ARGV[at + 10]
    if not n or n < 1 or n > MOST or #sizes ~= 4 * n or #prints ~= PRINT * n or not ARGV[at + GROUP + n - 1] then
      return nil
    end
    groups[#groups + 1] = { account = ARGV[at], order = ARGV[at + 1], kind = ARGV[at + 2],
      cap_events = tonumber(ARGV[at + 3]), cap_bytes = tonumber(ARGV[at + 4]), linger = tonumber(ARGV[at + 5]),
      oldest = tonumber(ARGV[at + 6]), newest = tonumber(ARGV[at + 7]), n = n, sizes = sizes, prints = prints,
      first = at + GROUP }
    if not sound(groups[#groups]) then return nil end
    at = at + GROUP + n
  end
  return at == #ARGV + 1 and groups or nil
end

local function waiting_events()
  local counts, sum = redis.call('HMGET', ledger, 'open', 'ready', 'waiting', 'in_flight'), 0
  for place = 1, 4 do sum = sum + tonumber(counts[place] or 0) end
  return sum
end

local function refusal()
  local known = redis.call('HMGET', meta, 'layout', 'shards', 'full', 'appended', 'released')
  if known[1] and known[1] ~= ARGV[1] then return 'LAYOUT the data in Redis has layout ' .. known[1] end
  if known[2] and known[2] ~= ARGV[2] then return 'SHARDS the data in Redis is spread over ' .. known[2] .. ' shards' end
  if not known[1] then redis.call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2]) end
  local percent = known[3] and look_at_memory(ARGV[7])
  if percent then return 'FULL ' .. percent .. ' percent of the maxmemory of Redis are in use' end
  local most_events, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
  if most_events > 0 and waiting_events() >= most_events then return 'FULL ' .. most_events .. ' events wait already' end
  local bytes = tonumber(known[4] or 0) - tonumber(known[5] or 0)
  if most_bytes > 0 and bytes >= most_bytes then return 'FULL ' .. bytes .. ' bytes of events wait already' end
end

local function opened(group, now)
  local batch = { account = group.account, order = group.order, kind = group.kind, events = 0, bytes = 0,
    oldest = group.oldest, newest = group.newest, opened = now, due = now + group.linger }
  batch.id = enqueue(batch, ARGV[4])
  if group.order == '' then redis.call('HSET', account_key(group.account), 'open', batch.id) end
  return batch
end

-- How many of the group's events from `from` on still fit into the batch, and their bytes. An empty batch takes one always.
local function fitting(group, batch, from)
  local events, bytes = 0, 0
  while from + events <= group.n and batch.events + events < group.cap_events do
    local size = struct.unpack('<I4', group.sizes, 4 * (from + events - 1) + 1)
    if batch.bytes + bytes + size > group.cap_bytes and batch.events + events > 0 then break end
    events, bytes = events + 1, bytes + size
  end
  return events, bytes
end

local added_bytes = 0

local function push(group, batch, from, events, bytes, generation)
  local start = group.first + from - 1
  redis.call('RPUSH', events_key(batch.id), unpack(ARGV, start, start + events - 1))
  batch.events, batch.bytes = batch.events + events, batch.bytes + bytes
  batch.oldest, batch.newest = math.min(batch.oldest, group.oldest), math.max(batch.newest, group.newest)
  redis.call('HSET', batch_key(batch.id), 'events', batch.events, 'bytes', batch.bytes,
    'oldest', batch.oldest, 'newest', batch.newest)
  if generation then note_ids(generation, batch.id, group.prints, from, events) end
  count('open', events)
  added_bytes = added_bytes + bytes
end

local function add(group, now, generation)
  local batch, from, changed = open_batch(group.account, group.order), 1, false
  if batch and batch.kind ~= group.kind then
    seal(batch, now)
    batch, changed = nil, true
  end
  while from <= group.n do
    if not batch then batch, changed = opened(group, now), true end
    local events, bytes = fitting(group, batch, from)
    if events > 0 then push(group, batch, from, events, bytes, generation) end
    from = from + events
    if from <= group.n or batch.events >= group.cap_events or batch.bytes >= group.cap_bytes then
      seal(batch, now)
      batch, changed = nil, true
    end
  end
  redis.call('HINCRBY', account_key(group.account), 'queued', group.n)
  count('accepted', group.n)
  if changed then schedule(group.account, now) end
  return group.n
end

local groups, window = groups_given(), tonumber(ARGV[8])
if not groups or #groups == 0 or not window then return redis.error_reply('MALFORMED append: its arguments do not add up') end
local refused = refusal()
if refused then return redis.error_reply(refused) end
local now, added = clock(ARGV[3]), 0
local generations = window > 0 and generations_at(now, window) or {}
local told, newest = window > 0 and sift(groups, generations) or {}, generations[1]
local known = newest and newest.count
for _, group in ipairs(groups) do
  if group.n > 0 then added = added + add(group, now, newest) end
end
if added > 0 then
  if newest and newest.count > known then
    redis.call('SET', noted_key(window, newest.number), newest.count, 'PXAT', newest.ends)
  end
  book()
  local appended = redis.call('HINCRBY', meta, 'appended', added_bytes)
  if appended % LOOK_BYTES < added_bytes then look_at_memory(ARGV[7]) end
end
if #told == 0 then return added end
for at = 3, #told, 3 do told[at] = went[told[at]] or told[at] end
table.insert(told, 1, added)
return told
