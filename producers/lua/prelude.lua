-- Shared by every script. Fixed keys are declared by the caller in the order of producers/keys.py; those of an
-- account, an order key or a batch are derived from the same slot tag:
--   account:<a>          hash   open (its open batch, where no order is kept), queued (events not in flight), dead
--                               (letters); next_at (of its rate); its holds: hold_until, hold_reason, parked,
--                               parked_with (print of the credentials), paused; its standing: careful, suspected, refused, far,
--                               limits, proven, cleared (see standing.lua)
--   due:<a>              zset   batch -> when it may be claimed; of an order key only the head stands here
--   leases:<a>           zset   batch in flight -> when its lease is over
--   order:<n>:<a>:<o>    list   the batches of an order key, oldest first (<n>: length of <a>, so that no two collide)
--   batch:<id>           hash   account, order, kind, events, bytes, oldest, newest, opened, due, state (none: open),
--                               attempts, tried (first of them), token, far, sent; list, first, last where it is a part of
--                               another batch's list, parent: the batch it was split from; root where that was a refusal
--   events:<id>          list   the stored events
--   owners:<id>          string how many batches still need the list, where it was split
--   letter:<n>           hash   account, order, kind, id, code, event
--   dead_of:<n>:<c><a>   zset   letter -> when it died, of those with this first code and account (<n>: length of <c>)
--   record:<id>, prints:<id>    what became of a batch (see record.lua): they end by themselves
--   times                zset   batch -> the oldest time of its events
--   stats                hash   counters (see tally.lua)
--   ids:<w>:<g>          hash   the ids accepted in generation <g> of windows of <w> seconds: bucket -> records (see record_in)
-- dead, a zset: letter -> when it died; dead_expires: letter -> its event's time, which says until when it is accepted
-- meta, a hash: layout, shards; batches, letters (numbers given out); requests (in flight), stale_settles, claimed_at;
--   appended, released (bytes), full; noted:<w> (see generations_at); paused; next_at (of a rate for all); of the circuit:
--   failures (in a row), circuit_until (none: closed), circuit_delay, probe (batch)
local meta, accounts, ledger, ages, aged, held, dispatched, latest, dead, dead_ids, dead_counts, dead_expires = unpack(KEYS)
local base = string.sub(meta, 1, -5)

local function account_key(account) return base .. 'account:' .. account end
local function due_key(account) return base .. 'due:' .. account end
local function leases_key(account) return base .. 'leases:' .. account end
local function order_key(account, order) return base .. 'order:' .. #account .. ':' .. account .. ':' .. order end
local function batch_key(id) return base .. 'batch:' .. id end
local function events_key(id) return base .. 'events:' .. id end
local function owners_key(id) return base .. 'owners:' .. id end
-- Letters are numbered with leading zeros, so that those of one moment are in the order in which they died.
local function next_letter() return string.format('%012d', redis.call('HINCRBY', meta, 'letters', 1)) end
local function letter_key(number) return base .. 'letter:' .. number end
local function dead_of_key(code, account) return base .. 'dead_of:' .. #code .. ':' .. code .. account end

-- The one clock: Redis's own, in whole milliseconds; a test may give another.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The ledger: changes are collected and booked once, at the end of the script.
local changes = {}
local function count(state, events) changes[state] = (changes[state] or 0) + events end
local function move(from, to, events)
  count(from, -events)
  count(to, events)
end
local function book()
  for state, events in pairs(changes) do
    if events ~= 0 then redis.call('HINCRBY', ledger, state, events) end
  end
end

-- The share of maxmemory in use, in percent; nil where there is no maxmemory, or the server does not say.
local function memory_in_use()
  local told = redis.pcall('INFO', 'memory')
  if type(told) ~= 'string' then return nil end
  local used, most = tonumber(string.match(told, 'used_memory:(%d+)')), tonumber(string.match(told, 'maxmemory:(%d+)'))
  return used and most and most > 0 and math.floor(100 * used / most) or nil
end

-- Notes whether more than `most` percent are in use; gives the percentage then.
local function look_at_memory(most)
  local percent = memory_in_use()
  if percent and percent >= tonumber(most) then
    redis.call('HSET', meta, 'full', percent)
    return percent
  end
  redis.call('HDEL', meta, 'full')
end

-- How many batches were opened in which second, for the age of the oldest; and the oldest event time of each.
local function times_key() return base .. 'times' end
local function born(id, batch)
  redis.call('ZADD', times_key(), batch.oldest, id)
  local second = math.floor(batch.opened / 1000)
  if redis.call('HINCRBY', aged, second, 1) == 1 then redis.call('ZADD', ages, second, second) end
end
local function gone(id, opened)
  redis.call('ZREM', times_key(), id)
  local second = math.floor(opened / 1000)
  if redis.call('HINCRBY', aged, second, -1) <= 0 then
    redis.call('HDEL', aged, second)
    redis.call('ZREM', ages, second)
  end
end

-- The accepted ids lie in generations of half a window; the one of now and the two before it are asked, so an id is known
-- for a window at least and half as long again at most. A generation is a hash: bucket -> the records of its ids, one
-- after the other. It has one bucket more with every so many ids, which takes its share from one other (linear hashing):
-- how many there are follows from the number of ids alone. Those numbers lie in meta, for each window that is in use:
-- which generation is the newest, and how many ids are in it and in the two before it.
local RECORD, IDS_A_BUCKET = 20, 6
local function buckets_for(ids) return math.floor(ids / IDS_A_BUCKET) + 1 end
-- `window` may be a text: as a number it is spelled anew in each name. `told`: what meta says of it. A clock that was set
-- back begins no older generation.
local function generations_at(now, window, told)
  local number, ids = math.floor(now / (500 * window)), { 0, 0, 0 }
  if told then
    local newest, first, second, third = string.match(told, '^(%d+) (%d+) (%d+) (%d+)$')
    local ahead = number - newest
    if ahead >= -2 then
      number = math.max(number, tonumber(newest))
      local known = { [0] = tonumber(first), tonumber(second), tonumber(third) }
      for back = 0, 2 do ids[back + 1] = known[back - math.max(0, ahead)] or 0 end
    end
  end
  local found = {}
  for back = 0, 2 do
    local count, round = ids[back + 1], 1
    if back == 0 or count > 0 then
      local buckets = buckets_for(count)
      while round < buckets do round = round * 2 end
      found[#found + 1] = { key = base .. 'ids:' .. window .. ':' .. number - back, number = number - back, ids = count,
        buckets = buckets, round = round }
    end
  end
  return found
end
-- What is to be said of them in meta.
local function noted_of(generations)
  local newest, ids = generations[1].number, {}
  for _, generation in ipairs(generations) do ids[newest - generation.number] = generation.ids end
  return string.format('%d %d %d %d', newest, ids[0], ids[1] or 0, ids[2] or 0)
end
-- The field of a bucket is its number in four bytes: as a text it would be spelled anew for each command.
-- `number`: the first four bytes of an id's print.
local function bucket_of(generation, number)
  local place = number % generation.round
  return struct.pack('<I4', place < generation.buckets and place or place - generation.round / 2)
end
-- The record of an id in a bucket, and where it begins: its print, then the print of its content (4 bytes) and its batch:
-- number (5), epoch (3). What only looks like it, across two records, is passed over.
local function record_in(bucket, id)
  local at = string.find(bucket, id, 1, true)
  while at and at % RECORD ~= 1 do at = string.find(bucket, id, at + 1, true) end
  if at then return string.sub(bucket, at, at + RECORD - 1), at end
end
-- What is noted of an id, by its print, and the generation that it was accepted in; or nil.
local function noted(generations, id)
  for _, generation in ipairs(generations) do
    local bucket = generation.ids > 0 and redis.call('HGET', generation.key, bucket_of(generation, (struct.unpack('<I4', id))))
    local found = bucket and record_in(bucket, id)
    if found then return found, generation end
  end
end
-- The batch of an id as it is noted: number (5 bytes), epoch (3).
local function pack_batch(batch)
  local number, epoch = string.match(batch, '^(%d+)-(%x+)$')
  return struct.pack('<I5>I3', tonumber(number), tonumber(epoch, 16))
end
local function batch_noted(found)
  return string.format('%d-%02x%02x%02x', struct.unpack('<I5', found, 13), string.byte(found, 18, 20))
end

local function earliest(key)
  local head = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return tonumber(head[2])
end

-- When something of the account may next be claimed: its earliest batch or lapsed lease, but not before its hold ends
-- and its rate allows; never while it is parked or paused. While it is full only a lapsed lease counts. What is due now
-- keeps its place in the line of accounts, unless it was just served (`served`): then it goes to the end.
local function schedule(account, now, served, full)
  local due, lapse = not full and earliest(due_key(account)), earliest(leases_key(account))
  local bars = redis.call('HMGET', account_key(account), 'hold_until', 'next_at', 'parked', 'paused')
  if not due and not lapse or bars[3] or bars[4] then
    redis.call('ZREM', accounts, account)
    return
  end
  local at = math.min(due or lapse, lapse or due)
  at = math.max(at, tonumber(bars[1] or 0), tonumber(bars[2] or 0))
  if at > now then
    redis.call('ZADD', accounts, at, account)
  elseif served then
    redis.call('ZADD', accounts, now, account)
  else
    redis.call('ZADD', accounts, 'LT', now, account)
  end
end

local function wait(account, id, due)
  redis.call('HSET', batch_key(id), 'due', due)
  redis.call('ZADD', due_key(account), due, id)
end

-- A batch behind all others of its order key. Without an order key it may be claimed beside them.
local function enqueue(batch, epoch)
  local id = redis.call('HINCRBY', meta, 'batches', 1) .. '-' .. epoch
  local fields = { 'account', batch.account, 'events', batch.events, 'bytes', batch.bytes, 'oldest', batch.oldest,
    'newest', batch.newest, 'opened', batch.opened, 'due', batch.due }
  for _, name in ipairs({ 'order', 'kind', 'state' }) do
    if batch[name] and batch[name] ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = batch[name]
    end
  end
  redis.call('HSET', batch_key(id), unpack(fields))
  born(id, batch)
  if batch.order == '' or redis.call('RPUSH', order_key(batch.account, batch.order), id) == 1 then
    redis.call('ZADD', due_key(batch.account), batch.due, id)
  end
  return id
end

-- The open batch of an order key, or nil. Only one can be open, and it is the last.
local function open_batch(account, order)
  local id
  if order == '' then
    id = redis.call('HGET', account_key(account), 'open')
  else
    id = redis.call('LINDEX', order_key(account, order), -1)
  end
  if not id then return nil end
  local f = redis.call('HMGET', batch_key(id), 'state', 'kind', 'events', 'bytes', 'oldest', 'newest')
  if f[1] or not f[3] then return nil end
  return { id = id, account = account, order = order, kind = f[2] or '', events = tonumber(f[3]),
    bytes = tonumber(f[4]), oldest = tonumber(f[5]), newest = tonumber(f[6]) }
end

-- From here on the batch's events and their bytes never change; it need not linger any longer.
local function seal(batch, now)
  redis.call('HSET', batch_key(batch.id), 'state', 'ready', 'due', now)
  move('open', 'ready', batch.events)
  if batch.order == '' then
    redis.call('HDEL', account_key(batch.account), 'open')
    redis.call('ZADD', due_key(batch.account), now, batch.id)
  elseif redis.call('LINDEX', order_key(batch.account, batch.order), 0) == batch.id then
    redis.call('ZADD', due_key(batch.account), now, batch.id)
  end
end

local SLOWLY = 20 -- requests that must be taken after a limit until the account goes as fast as before

-- Until when nothing of the slot may be claimed at all: it is paused (for ever), or the circuit is open.
local FOREVER = 9007199254740991
local function barred()
  local bars = redis.call('HMGET', meta, 'paused', 'circuit_until')
  return bars[1] and FOREVER or tonumber(bars[2] or 0), not bars[1] and bars[2]
end

-- Notes in `held` until when an account is held: the latest of its holds, or nothing.
local function note_hold(account, now)
  local holds = redis.call('HMGET', account_key(account), 'hold_until', 'parked', 'paused')
  if holds[2] or holds[3] then
    redis.call('ZADD', held, '+inf', account)
  elseif tonumber(holds[1] or 0) > now then
    redis.call('ZADD', held, holds[1], account)
  else
    redis.call('ZREM', held, account)
  end
end

-- An account that nobody claims from until it is resumed. `with`: the print of the credentials that were refused.
local function park(account, now, reason, with)
  redis.call('HSET', account_key(account), 'parked', reason, 'parked_with', with)
  note_hold(account, now)
end

-- Nothing of the account is claimed for a time.
local function limit(account, now, duration, reason)
  redis.call('HSET', account_key(account), 'hold_until', now + duration, 'hold_reason', reason)
  note_hold(account, now)
end

-- A letter's event has this time: how long it is accepted follows from it. '' where that is asked of none.
local function note_event_time(number, event_time)
  if event_time ~= '' then redis.call('ZADD', dead_expires, event_time, number) end
end

-- A dead letter enters its queue: by time, by code and account, by the time of its event (ms, or ''), by id, and in the
-- counts. The numbers of a slot only grow.
local function note_letter(died_at, number, id, code, account, event_time)
  redis.call('HINCRBY', account_key(account), 'dead', 1)
  redis.call('ZADD', dead, died_at, number)
  redis.call('ZADD', dead_of_key(code, account), died_at, number)
  note_event_time(number, event_time)
  redis.call('ZADD', dead_ids, 0, id .. '\0' .. number)
  redis.call('HINCRBY', dead_counts, #code .. ':' .. code .. account, 1)
end

-- Dead letters leave the queue, for whatever reason: each a table of number, id, code and account. Some hundreds at once.
local function forget_all(letters)
  if #letters == 0 then return end
  local keys, numbers, ids, groups = {}, {}, {}, {}
  for place, letter in ipairs(letters) do
    keys[place], numbers[place], ids[place] = letter_key(letter.number), letter.number, letter.id .. '\0' .. letter.number
    local field = #letter.code .. ':' .. letter.code .. letter.account
    local group = groups[field] or { account = letter.account, key = dead_of_key(letter.code, letter.account) }
    group[#group + 1], groups[field] = letter.number, group
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', dead, unpack(numbers))
  redis.call('ZREM', dead_expires, unpack(numbers))
  redis.call('ZREM', dead_ids, unpack(ids))
  for field, group in pairs(groups) do
    redis.call('ZREM', group.key, unpack(group))
    redis.call('HINCRBY', account_key(group.account), 'dead', -#group)
    if redis.call('HINCRBY', dead_counts, field, -#group) <= 0 then redis.call('HDEL', dead_counts, field) end
  end
end
local function forget(number, id, code, account)
  forget_all({ { number = number, id = id, code = code, account = account } })
end
