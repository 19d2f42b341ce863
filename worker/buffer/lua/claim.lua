#!lua flags=allow-oom
-- Gives a worker the right to batches that are due, for the time of a lease: the only gate on the way to Rokt. Walks the
-- accounts that are due in turn, a batch each, so that no backlog of one is felt by another. Seals what was open.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', token, lease ms, most batches, most batches of an account in flight, ms between two requests of an
--       account (0: any), 1 if the last two are for all accounts of the slot together
-- Gives {when the next account is due (ms) or -1, now, batch …}; a batch is
--       {id, account, order, kind, list, first, last, events, bytes, oldest, newest, attempts, opened}
local now, token, lease = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local most, most_an_account = tonumber(ARGV[4]), tonumber(ARGV[5])
local spacing, together = tonumber(ARGV[6]), ARGV[7] == '1'
local LOOK_AGAIN = 100 -- ms after which a slot that is full as a whole is looked at again
local CATCH_UP = 20 -- ms that a late claim may make up for, so that lateness does not lower the rate

local function on_hold(account)
  local until_ = redis.call('HGET', account_key(account), 'hold_until')
  if until_ and tonumber(until_) <= now then
    redis.call('HDEL', account_key(account), 'hold_until', 'hold_reason')
    redis.call('ZREM', held, account)
  end
  return until_ and tonumber(until_) > now
end

local function read(id)
  local f = redis.call('HMGET', batch_key(id), 'account', 'order', 'kind', 'events', 'bytes', 'oldest', 'newest',
    'opened', 'state', 'list', 'first', 'last')
  return { id = id, account = f[1], order = f[2] or '', kind = f[3] or '', events = tonumber(f[4]), bytes = f[5],
    oldest = f[6], newest = f[7], opened = f[8], state = f[9] or 'open', list = f[10] or id,
    first = tonumber(f[11] or 0), last = tonumber(f[12] or f[4] - 1) }
end

local function take(batch)
  if batch.state == 'open' then
    seal(batch, now)
    batch.state = 'ready'
  end
  if batch.state ~= 'in_flight' then -- else its lease is over, and it was in flight all the time
    move(batch.state, 'in_flight', batch.events)
    redis.call('HINCRBY', account_key(batch.account), 'queued', -batch.events)
    redis.call('ZREM', due_key(batch.account), batch.id)
    redis.call('HINCRBY', meta, 'requests', 1)
  end
  redis.call('HSET', batch_key(batch.id), 'state', 'in_flight', 'token', token)
  batch.attempts = redis.call('HINCRBY', batch_key(batch.id), 'attempts', 1)
  redis.call('ZADD', leases_key(batch.account), now + lease, batch.id)
  return { batch.id, batch.account, batch.order, batch.kind, batch.list, batch.first, batch.last, batch.events,
    batch.bytes, batch.oldest, batch.newest, batch.attempts, batch.opened }
end

local function full(account)
  if together then return tonumber(redis.call('HGET', meta, 'requests') or 0) >= most_an_account end
  return redis.call('ZCARD', leases_key(account)) >= most_an_account
end

-- The rate: requests are spaced evenly. Its next free place stands with the account, or with the slot for all of them.
local function rate_key(account) return together and meta or account_key(account) end
local function next_place(account)
  return spacing > 0 and tonumber(redis.call('HGET', rate_key(account), 'next_at') or 0) or 0
end
local function take_place(account)
  if spacing > 0 then
    redis.call('HSET', rate_key(account), 'next_at', math.max(next_place(account), now - CATCH_UP) + spacing)
  end
end

local function first_due(key)
  return redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 1)[1]
end

-- A batch whose lease is over is one of those in flight already, so it goes first and even if the account is full.
local function next_of(account)
  if next_place(account) > now then return nil end
  local id = first_due(leases_key(account)) or (not full(account) and first_due(due_key(account)))
  if not id then return nil end
  take_place(account)
  return take(read(id))
end

local claimed = {}

-- A batch an account, again and again, until nobody has more or there are enough.
local function serve(turn)
  while #turn > 0 and #claimed < most do
    local still = {}
    for _, account in ipairs(turn) do
      local batch = #claimed < most and next_of(account)
      if batch then
        claimed[#claimed + 1] = batch
        still[#still + 1] = account
      end
    end
    turn = still
  end
end

-- Accounts that are due but have nothing to give (held, full) leave the line, and the next ones are looked at.
local PAGES = 16
for _ = 1, PAGES do
  local found = redis.call('ZRANGEBYSCORE', accounts, '-inf', now, 'LIMIT', 0, most)
  local turn = {}
  for _, account in ipairs(found) do
    if not on_hold(account) then turn[#turn + 1] = account end
  end
  serve(turn)
  for _, account in ipairs(found) do schedule(account, now, true, not together and full(account)) end
  if #found == 0 or #claimed >= most or together then break end
end
book()
local first = redis.call('ZRANGE', accounts, 0, 0, 'WITHSCORES')
local next_due = tonumber(first[2] or -1)
if together and next_due >= 0 then
  next_due = math.max(next_due, next_place(''), full('') and now + LOOK_AGAIN or 0)
end
return { next_due, now, unpack(claimed) }
