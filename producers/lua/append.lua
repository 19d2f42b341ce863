#!lua
-- Adds events to the open batches of their order keys: one hash and one push an order key. A batch that is full, or of
-- another kind than what comes, is sealed and the next one opened. Refused by Redis itself when it is out of memory.
-- KEYS  the fixed keys of the slot
-- ARGV  layout, shards, now or '', epoch, groups, then for each group:
--       account, order, kind, cap in events, cap in bytes, linger ms, oldest, newest (event times, ms), events,
--       sizes (u32 each, the bytes in the request), the stored events
-- Gives the number of events added, or an error whose first word says why: LAYOUT, SHARDS, MALFORMED.
local GROUP, MOST = 10, 4000 -- unpack of more would overflow Lua's stack

local function sound(group)
  return group.cap_events and group.cap_events >= 1 and group.cap_bytes and group.linger and group.oldest
    and group.newest
end

local function groups_given()
  local groups, at = {}, 6
  for _ = 1, tonumber(ARGV[5]) or 0 do
    local n = tonumber(ARGV[at + 8])
    local sizes = ARGV[at + 9]
    if not n or n < 1 or n > MOST or #sizes ~= 4 * n or not ARGV[at + GROUP + n - 1] then return nil end
    groups[#groups + 1] = { account = ARGV[at], order = ARGV[at + 1], kind = ARGV[at + 2],
      cap_events = tonumber(ARGV[at + 3]), cap_bytes = tonumber(ARGV[at + 4]), linger = tonumber(ARGV[at + 5]),
      oldest = tonumber(ARGV[at + 6]), newest = tonumber(ARGV[at + 7]), n = n, sizes = sizes, first = at + GROUP }
    if not sound(groups[#groups]) then return nil end
    at = at + GROUP + n
  end
  return at == #ARGV + 1 and groups or nil
end

local function refusal()
  local known = redis.call('HMGET', meta, 'layout', 'shards')
  if known[1] and known[1] ~= ARGV[1] then return 'LAYOUT the data in Redis has layout ' .. known[1] end
  if known[2] and known[2] ~= ARGV[2] then return 'SHARDS the data in Redis is spread over ' .. known[2] .. ' shards' end
  if not known[1] then redis.call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2]) end
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

local function push(group, batch, from, events, bytes)
  local start = group.first + from - 1
  redis.call('RPUSH', events_key(batch.id), unpack(ARGV, start, start + events - 1))
  batch.events, batch.bytes = batch.events + events, batch.bytes + bytes
  batch.oldest, batch.newest = math.min(batch.oldest, group.oldest), math.max(batch.newest, group.newest)
  redis.call('HSET', batch_key(batch.id), 'events', batch.events, 'bytes', batch.bytes,
    'oldest', batch.oldest, 'newest', batch.newest)
  count('open', events)
end

local function add(group, now)
  local batch, from, changed = open_batch(group.account, group.order), 1, false
  if batch and batch.kind ~= group.kind then
    seal(batch, now)
    batch, changed = nil, true
  end
  while from <= group.n do
    if not batch then batch, changed = opened(group, now), true end
    local events, bytes = fitting(group, batch, from)
    if events > 0 then push(group, batch, from, events, bytes) end
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

local groups = groups_given()
if not groups or #groups == 0 then return redis.error_reply('MALFORMED append: its arguments do not add up') end
local refused = refusal()
if refused then return redis.error_reply(refused) end
local now, added = clock(ARGV[3]), 0
for _, group in ipairs(groups) do added = added + add(group, now) end
book()
return added
