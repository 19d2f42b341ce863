#!lua
-- Adds events to the open batches of their order keys: one hash and one push an order key. A batch that is full, or of
-- another kind than what comes, is sealed and the next one opened. Refused at a bound below Redis's own, so that what
-- drains the buffer (and the broker, which may live in the same Redis) still has room. An event whose id was accepted
-- within the window is not added again.
-- KEYS  the first five of the fixed keys of the slot
-- ARGV  layout, shards, now or '', epoch, most events and most bytes that may wait in the slot (0: any), most percent of
--       Redis's maxmemory that may be in use, window in which an id is accepted once (s; 0: no id is noted), cap in events,
--       linger ms, of all events in their order: sizes (u32 each, the bytes in the request) and prints (12 bytes each, see
--       ids.lua; '' where no id is noted), groups, then for each group:
--       account, order, kind, cap in bytes, oldest, newest (event times, ms), events, the stored events
-- Gives the number of events added; if some were not, a list of that number and for each of those its place in the call
-- (from 0), 'duplicate' or 'conflict' (another content), and the batch that the first one went into. Or an error whose
-- first word says why: LAYOUT, SHARDS, MALFORMED, FULL.
--
-- What a call changes is gathered and written once: a command costs several times what it does, by the way into and out of
-- Lua and into the append-only file. So a batch is written when the call leaves it, an account and the counts at the end.
--@with ids
local HEAD, GROUP, MOST = 13, 7, 4000 -- unpack of more would overflow Lua's stack
local LOOK_BYTES = 262144 -- the memory in use is looked at again after so many bytes
local call, sub = redis.call, string.sub
local window, cap_events, linger = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local all_sizes, all_prints = ARGV[11], ARGV[12]

local function groups_given()
  local groups, at, before = {}, HEAD + 1, 0
  if not (window and cap_events and cap_events >= 1 and linger) then return nil end
  for place = 1, tonumber(ARGV[HEAD]) or 0 do
    local cap_bytes, n = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 6])
    if not n or n < 1 or n > MOST or n % 1 > 0 or not cap_bytes then return nil end
    if not tonumber(ARGV[at + 4]) or not tonumber(ARGV[at + 5]) then return nil end
    groups[place] = { account = ARGV[at], order = ARGV[at + 1], kind = ARGV[at + 2], cap_bytes = cap_bytes,
      oldest = ARGV[at + 4], newest = ARGV[at + 5], n = n, first = at + GROUP, before = before }
    at, before = at + GROUP + n, before + n
  end
  if #groups == 0 or at ~= #ARGV + 1 then return nil end
  return #all_sizes == 4 * before and (window == 0 or #all_prints == PRINT * before) and groups or nil
end

local known = call('HMGET', meta, 'layout', 'shards', 'full', 'appended', 'released', 'batches')
local counts = call('HMGET', ledger, 'open', 'ready', 'waiting', 'in_flight', 'accepted')
for place = 1, 5 do counts[place] = tonumber(counts[place] or 0) end
local batches, appended = tonumber(known[6] or 0), tonumber(known[4] or 0)

local function refusal()
  if known[1] and known[1] ~= ARGV[1] then return 'LAYOUT the data in Redis has layout ' .. known[1] end
  if known[2] and known[2] ~= ARGV[2] then return 'SHARDS the data in Redis is spread over ' .. known[2] .. ' shards' end
  if not known[1] then call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2]) end
  local percent = known[3] and look_at_memory(ARGV[7])
  if percent then return 'FULL ' .. percent .. ' percent of the maxmemory of Redis are in use' end
  local most_events, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
  local waiting, bytes = counts[1] + counts[2] + counts[3] + counts[4], appended - tonumber(known[5] or 0)
  if most_events > 0 and waiting >= most_events then return 'FULL ' .. most_events .. ' events wait already' end
  if most_bytes > 0 and bytes >= most_bytes then return 'FULL ' .. bytes .. ' bytes of events wait already' end
end

local groups = groups_given()
if not groups then return redis.error_reply('MALFORMED append: its arguments do not add up') end
local refused = refusal()
if refused then return redis.error_reply(refused) end

local now = clock(ARGV[3])
-- As texts, since a number is spelled anew for each command that it goes into; so are the times of the groups.
local now_text, due_text = string.format('%d', now), string.format('%d', now + linger)
local generations = window > 0 and generations_at(now, ARGV[8])
local noted_before = generations and generations[1].ids
local seen, times, told = {}, {}, { 0 }
local opened, added, added_bytes, sealed_events = 0, 0, 0, 0

local function account_of(name)
  local account = seen[name]
  if not account then
    local f = call('HMGET', account_key(name), 'open', 'queued', 'hold_until', 'next_at', 'parked', 'paused')
    account = { open = f[1], was_open = f[1], queued = tonumber(f[2] or 0), added = 0, due = {}, at = math.huge,
      bar = math.max(now, tonumber(f[3] or 0), tonumber(f[4] or 0)), is_held = f[5] or f[6] }
    seen[name] = account
  end
  return account
end

-- The open batch of an order key, or nil. Only one can be open, and it is the last.
local function open_of(account, group)
  local id = account.open
  group.list = group.order ~= '' and order_key(group.account, group.order)
  if group.list then id = call('LINDEX', group.list, -1) end
  if not id then return nil end
  local f = call('HMGET', batch_key(id), 'state', 'kind', 'events', 'bytes', 'oldest', 'newest')
  if f[1] or not f[3] then return nil end
  return { id = id, kind = f[2] or '', events = tonumber(f[3]), before = tonumber(f[3]), bytes = tonumber(f[4]),
    oldest = tonumber(f[5]), newest = tonumber(f[6]) }
end

-- The batch that comes next. It has no more than its number until it is needed.
local function next_batch(group)
  return { id = string.format('%d-', batches + 1) .. ARGV[4], is_new = true, kind = group.kind, events = 0, before = 0,
    bytes = 0 }
end

-- From then on the batch may be claimed, and with it the account.
local function stands_due(account, id, sealed)
  local due = account.due
  due[#due + 1], due[#due + 2] = sealed and now_text or due_text, id
  account.at = math.min(account.at, sealed and now or now + linger)
end

local function more(fields, name, value) fields[#fields + 1], fields[#fields + 2] = name, value end

local function write_new(account, group, batch, sealed)
  local fields = { 'account', group.account, 'events', batch.events, 'bytes', batch.bytes, 'oldest', group.oldest,
    'newest', group.newest, 'opened', now_text, 'due', sealed and now_text or due_text }
  if group.list then more(fields, 'order', group.order) end
  if group.kind ~= '' then more(fields, 'kind', group.kind) end
  if sealed then more(fields, 'state', 'ready') end
  call('HSET', batch_key(batch.id), unpack(fields))
  more(times, group.oldest, batch.id)
  opened = opened + 1
  if not group.list or call('RPUSH', group.list, batch.id) == 1 then
    stands_due(account, batch.id, sealed)
  end
end

local function write_known(account, group, batch, sealed)
  local fields, grew = { 'events', batch.events, 'bytes', batch.bytes }, batch.events > batch.before
  if grew and tonumber(group.newest) > batch.newest then more(fields, 'newest', group.newest) end
  if grew and tonumber(group.oldest) < batch.oldest then
    more(fields, 'oldest', group.oldest)
    more(times, group.oldest, batch.id)
  end
  if sealed then
    more(fields, 'state', 'ready')
    more(fields, 'due', now_text)
  end
  call('HSET', batch_key(batch.id), unpack(fields))
  if sealed and (not group.list or call('LINDEX', group.list, 0) == batch.id) then
    stands_due(account, batch.id, true)
  end
end

-- The call leaves a batch, with the events of the group from `from` to `to` in it. Of one that is `sealed` they and their
-- bytes never change from here on; it need not linger any longer.
local function leave(account, group, batch, from, to, sealed)
  if from <= to then call('RPUSH', events_key(batch.id), unpack(ARGV, group.first + from - 1, group.first + to - 1)) end
  if batch.is_new then write_new(account, group, batch, sealed) else write_known(account, group, batch, sealed) end
  counts[1] = counts[1] - batch.before + (sealed and 0 or batch.events)
  if sealed then sealed_events = sealed_events + batch.events end
  if not group.list then account.open = not sealed and batch.id end
end

-- Whether the event at a place of the call was accepted before; if not, that it goes into this batch is noted.
local function is_known(place, batch)
  local id = sub(all_prints, PRINT * place - 11, PRINT * place - 4)
  if id == NO_ID then return false end
  local content = sub(all_prints, PRINT * place - 3, PRINT * place)
  batch.packed = batch.packed or pack_batch(batch.id)
  local found = note_id(generations, id, content .. batch.packed)
  if not found then return false end
  told[#told + 1], told[#told + 2] = place - 1, sub(found, 1, 4) == content and 'duplicate' or 'conflict'
  told[#told + 1] = batch_noted(found)
  return true
end

local function fits(group, batch, size)
  if not batch or batch.kind ~= group.kind then return false end
  return batch.events == 0 or batch.events < cap_events and batch.bytes + size <= group.cap_bytes
end

local function add(group)
  local account, kept, from, spare = account_of(group.account), 0, 1, nil
  local batch = open_of(account, group)
  local sizes = { struct.unpack('<' .. string.rep('I4', group.n), all_sizes, 4 * group.before + 1) }
  for place = 1, group.n do
    local size, into = sizes[place], batch
    if not fits(group, batch, size) then
      spare = spare or next_batch(group)
      into = spare
    end
    if not (generations and is_known(group.before + place, into)) then
      if into ~= batch then
        if batch then leave(account, group, batch, from, kept, true) end
        batch, spare, from, batches = into, nil, kept + 1, batches + 1
      end
      kept = kept + 1
      if kept < place then ARGV[group.first + kept - 1] = ARGV[group.first + place - 1] end
      batch.events, batch.bytes, added_bytes = batch.events + 1, batch.bytes + size, added_bytes + size
    end
  end
  if kept == 0 then return end
  leave(account, group, batch, from, kept, batch.events >= cap_events or batch.bytes >= group.cap_bytes)
  account.added, added = account.added + kept, added + kept
end

local function add_scores(key, scores)
  for at = 1, #scores, MOST do call('ZADD', key, unpack(scores, at, math.min(at + MOST - 1, #scores))) end
end

-- What was due in the account before is not looked at: the account stands in the line of accounts for it already, or has all
-- its requests in flight and comes back with the first of them that is settled.
local function write_account(name, account)
  local fields = { 'queued', account.queued + account.added }
  if account.open and account.open ~= account.was_open then more(fields, 'open', account.open) end
  call('HSET', account_key(name), unpack(fields))
  if account.was_open and not account.open then call('HDEL', account_key(name), 'open') end
  if #account.due == 0 then return end
  add_scores(due_key(name), account.due)
  if not account.is_held then call('ZADD', accounts, 'LT', math.max(account.at, account.bar), name) end
end

local function write_births()
  add_scores(times_key(), times)
  local second = math.floor(now / 1000)
  if opened > 0 and call('HINCRBY', aged, second, opened) == opened then call('ZADD', ages, second, second) end
end

local function write_counts()
  local moved = { 'open', counts[1], 'accepted', counts[5] + added }
  if sealed_events > 0 then more(moved, 'ready', counts[2] + sealed_events) end
  call('HSET', ledger, unpack(moved))
  moved = { 'appended', appended + added_bytes }
  if opened > 0 then more(moved, 'batches', batches) end
  call('HSET', meta, unpack(moved))
end

for _, group in ipairs(groups) do add(group) end
if added > 0 then
  for name, account in pairs(seen) do
    if account.added > 0 then write_account(name, account) end
  end
  write_births()
  write_counts()
  if generations then write_noted(ARGV[8], generations[1], noted_before) end
  if (appended + added_bytes) % LOOK_BYTES < added_bytes then look_at_memory(ARGV[7]) end
end
if #told == 1 then return added end
told[1] = added
return told
