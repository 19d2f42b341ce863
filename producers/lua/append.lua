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
-- And each call makes its functions anew, which costs one of a single event more than its commands do: what nearly every
-- call does stands here as it is, what few do is a function inside of one that is called then. Each byte of a text costs,
-- too: Lua looks at all of it whenever it makes one.
--@with ids
local HEAD, GROUP, MOST = 13, 7, 4000 -- unpack of more would overflow Lua's stack
local LOOK_BYTES = 262144 -- the memory in use is looked at again after so many bytes
local call, sub, tonumber, unpack = redis.call, string.sub, tonumber, unpack
local window, cap_events, linger = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local sizes, prints, groups = ARGV[11], ARGV[12], tonumber(ARGV[HEAD]) or 0

-- How many events there are, if the arguments add up.
local total, behind, adds_up = 0, HEAD + 1, window and cap_events and cap_events >= 1 and linger
for _ = 1, adds_up and groups or 0 do
  local n = tonumber(ARGV[behind + 6])
  adds_up = n and n >= 1 and n <= MOST and n % 1 == 0 and tonumber(ARGV[behind + 3]) and tonumber(ARGV[behind + 4])
    and tonumber(ARGV[behind + 5])
  if not adds_up then break end
  behind, total = behind + GROUP + n, total + n
end
if not adds_up or total == 0 or behind ~= #ARGV + 1 or #sizes ~= 4 * total or window > 0 and #prints ~= PRINT * total then
  return redis.error_reply('MALFORMED append: its arguments do not add up')
end

local known = call('HMGET', meta, 'layout', 'shards', 'full', 'appended', 'released', 'batches', 'noted:' .. ARGV[8])
local batches, appended = known[6] or 0, known[4] or 0
if known[1] ~= ARGV[1] or known[2] ~= ARGV[2] or known[3] or ARGV[5] ~= '0' or ARGV[6] ~= '0' then
  local function refusal()
    if known[1] and known[1] ~= ARGV[1] then return 'LAYOUT the data in Redis has layout ' .. known[1] end
    if known[2] and known[2] ~= ARGV[2] then return 'SHARDS the data in Redis is spread over ' .. known[2] .. ' shards' end
    if not known[1] then call('HSET', meta, 'layout', ARGV[1], 'shards', ARGV[2]) end
    local percent = known[3] and look_at_memory(ARGV[7])
    if percent then return 'FULL ' .. percent .. ' percent of the maxmemory of Redis are in use' end
    local most_events, most_bytes, waiting = tonumber(ARGV[5]), tonumber(ARGV[6]), 0
    local states = call('HMGET', ledger, 'open', 'ready', 'waiting', 'in_flight')
    for place = 1, 4 do waiting = waiting + (states[place] or 0) end
    local bytes = appended - (known[5] or 0)
    if most_events > 0 and waiting >= most_events then return 'FULL ' .. most_events .. ' events wait already' end
    if most_bytes > 0 and bytes >= most_bytes then return 'FULL ' .. bytes .. ' bytes of events wait already' end
  end
  local refused = refusal()
  if refused then return redis.error_reply(refused) end
end

local now = clock(ARGV[3])
local generations = window > 0 and generations_at(now, ARGV[8], known[7])
local newest = generations and generations[1]
local noted_before = newest and newest.ids
if generations then look_for(generations, prints, total) end

local seen, times, told = {}, {}, { 0 }
local opened, added, added_bytes, more_open, sealed_events = 0, 0, 0, 0, 0

-- The call leaves a batch that it found, and that may still take events.
local function note_more(at, batch, from, to)
  if from > to then return end
  call('RPUSH', events_key(batch.id), unpack(ARGV, from, to))
  local fields, oldest, newest = { 'events', batch.events, 'bytes', batch.bytes }, ARGV[at + 4], ARGV[at + 5]
  if newest ~= batch.newest and tonumber(newest) > tonumber(batch.newest) then
    fields[5], fields[6] = 'newest', newest
  end
  if oldest ~= batch.oldest and tonumber(oldest) < tonumber(batch.oldest) then
    fields[#fields + 1], fields[#fields + 2] = 'oldest', oldest
    times[#times + 1], times[#times + 2] = oldest, batch.id
  end
  call('HSET', batch_key(batch.id), unpack(fields))
end

-- How the call leaves a batch, with the events at these places of ARGV in it, if the batch is a new one or is `sealed`: its
-- events and their bytes never change from then on, and it need not linger any longer.
local function ways_to_leave()
  -- As texts, since a number is spelled anew for each command that it goes into; so are the times of the groups.
  local now_text, due_text = string.format('%d', now), string.format('%d', now + linger)

  -- From then on the batch may be claimed, and with it the account.
  local function stands_due(account, id, sealed)
    local due = account.due or {}
    due[#due + 1], due[#due + 2] = sealed and now_text or due_text, id
    account.due, account.at = due, math.min(account.at or math.huge, sealed and now or now + linger)
  end

  local function write_new(account, at, list, batch, sealed)
    local fields = { 'account', ARGV[at], 'events', batch.events, 'bytes', batch.bytes, 'oldest', ARGV[at + 4], 'newest',
      ARGV[at + 5], 'opened', now_text, 'due', sealed and now_text or due_text }
    if list then fields[#fields + 1], fields[#fields + 2] = 'order', ARGV[at + 1] end
    if batch.kind ~= '' then fields[#fields + 1], fields[#fields + 2] = 'kind', batch.kind end
    if sealed then fields[#fields + 1], fields[#fields + 2] = 'state', 'ready' end
    call('HSET', batch_key(batch.id), unpack(fields))
    times[#times + 1], times[#times + 2] = ARGV[at + 4], batch.id
    opened = opened + 1
    if not list or call('RPUSH', list, batch.id) == 1 then stands_due(account, batch.id, sealed) end
  end

  return function(account, at, list, batch, from, to, sealed)
    if batch.is_new then
      call('RPUSH', events_key(batch.id), unpack(ARGV, from, to))
      write_new(account, at, list, batch, sealed)
    else
      note_more(at, batch, from, to)
      call('HSET', batch_key(batch.id), 'state', 'ready', 'due', now_text)
      if not list or call('LINDEX', list, 0) == batch.id then stands_due(account, batch.id, true) end
    end
    more_open = more_open - batch.before + (sealed and 0 or batch.events)
    if sealed then sealed_events = sealed_events + batch.events end
    if not list then account.open = not sealed and batch.id end
  end
end
local leave

local at, before = HEAD + 1, 0
for _ = 1, groups do
  local name, order, kind, cap_bytes, n = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 6])
  local account = seen[name]
  if not account then
    local f = call('HMGET', account_key(name), 'open', 'hold_until', 'next_at', 'parked', 'paused')
    account = { open = f[1], was_open = f[1], added = 0, holds = f }
    seen[name] = account
  end

  -- The open batch of the order key, if there is one. Only one can be open, and it is the last.
  local list, id, batch, spare = nil, account.open, nil, nil
  if order ~= '' then
    list = order_key(name, order)
    id = call('LINDEX', list, -1)
  end
  local f = id and call('HMGET', batch_key(id), 'state', 'kind', 'events', 'bytes', 'oldest', 'newest')
  if f and f[3] and not f[1] then
    batch = { id = id, kind = f[2] or '', events = tonumber(f[3]), before = tonumber(f[3]), bytes = tonumber(f[4]),
      oldest = f[5], newest = f[6] }
  end

  local size_of = { struct.unpack('<' .. string.rep('I4', n), sizes, 4 * before + 1) }
  local from, to = at + GROUP, at + GROUP - 1 -- the events of the batch, in ARGV
  for place = 1, n do
    local size, into = size_of[place], batch
    if not batch or batch.kind ~= kind
      or batch.events > 0 and (batch.events >= cap_events or batch.bytes + size > cap_bytes) then
      -- The batch that comes next. It has no more than its number until it is needed.
      spare = spare or { id = string.format('%d-', batches + 1) .. ARGV[4], is_new = true, kind = kind, events = 0,
        before = 0, bytes = 0 }
      into = spare
    end
    local behind_print = PRINT * (before + place)
    local print, found = generations and sub(prints, behind_print - 11, behind_print - 4), nil
    if print and print ~= NO_ID then found = note_id(generations, before + place, print, behind_print, into) end
    if found then
      local is_same = sub(found, 9, 12) == sub(prints, behind_print - 3, behind_print)
      told[#told + 1], told[#told + 2] = before + place - 1, is_same and 'duplicate' or 'conflict'
      told[#told + 1] = batch_noted(found)
    else
      if into ~= batch then
        leave = leave or ways_to_leave()
        if batch then leave(account, at, list, batch, from, to, true) end
        batch, spare, from, batches = into, nil, to + 1, batches + 1
      end
      to = to + 1
      if to < at + GROUP + place - 1 then ARGV[to] = ARGV[at + GROUP + place - 1] end
      batch.events, batch.bytes, added_bytes = batch.events + 1, batch.bytes + size, added_bytes + size
    end
  end
  local new = to - at - GROUP + 1
  if new > 0 then
    local sealed = batch.events >= cap_events or batch.bytes >= cap_bytes
    if sealed or batch.is_new then
      leave = leave or ways_to_leave()
      leave(account, at, list, batch, from, to, sealed)
    else
      note_more(at, batch, from, to)
      more_open = more_open + batch.events - batch.before
    end
    account.added, added = account.added + new, added + new
  end
  at, before = at + GROUP + n, before + n
end
if added == 0 then
  told[1] = 0
  return told
end

-- What was due in the account before is not looked at: the account stands in the line of accounts for it already, or has all
-- its requests in flight and comes back with the first of them that is settled.
local function write_due(name, account)
  local due, f = account.due, account.holds
  for from = 1, #due, MOST do call('ZADD', due_key(name), unpack(due, from, math.min(from + MOST - 1, #due))) end
  if f[4] or f[5] then return end
  call('ZADD', accounts, 'LT', math.max(account.at, now, tonumber(f[2] or 0), tonumber(f[3] or 0)), name)
end
for name, account in pairs(seen) do
  if account.added > 0 then
    local key, open = account_key(name), account.open
    call('HINCRBY', key, 'queued', account.added)
    if open and open ~= account.was_open then call('HSET', key, 'open', open) end
    if account.was_open and not open then call('HDEL', key, 'open') end
    if account.due then write_due(name, account) end
  end
end

for from = 1, #times, MOST do call('ZADD', times_key(), unpack(times, from, math.min(from + MOST - 1, #times))) end
if opened > 0 then
  local second = math.floor(now / 1000)
  if call('HINCRBY', aged, second, opened) == opened then call('ZADD', ages, second, second) end
end

call('HINCRBY', ledger, 'accepted', added)
if more_open ~= 0 then call('HINCRBY', ledger, 'open', more_open) end
if sealed_events > 0 then call('HINCRBY', ledger, 'ready', sealed_events) end
local moved = { 'appended', appended + added_bytes }
if opened > 0 then moved[3], moved[4] = 'batches', batches end
if newest and newest.ids > noted_before then
  write_noted(ARGV[8], newest, noted_before)
  moved[#moved + 1], moved[#moved + 2] = 'noted:' .. ARGV[8], noted_of(generations)
end
call('HSET', meta, unpack(moved))
if (appended + added_bytes) % LOOK_BYTES < added_bytes then look_at_memory(ARGV[7]) end
if #told == 1 then return added end
told[1] = added
return told
