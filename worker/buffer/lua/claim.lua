#!lua flags=allow-oom
-- Gives a worker the right to batches that are due, for the time of a lease: the only gate on the way to Rokt. Walks the
-- accounts that are due in turn, a batch each, so that no backlog of one is felt by another. Seals what was open.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', token, lease ms, most batches, most batches of an account in flight, ms between two requests of an
--       account (0: any), 1 if the last two are for all accounts of the slot together
-- Gives {when something may next be claimed (ms) or -1, now, batch …}; a batch is
--       {id, account, order, kind, list, first, last, events, bytes, oldest, newest, attempts, opened, ms since it was
--       first tried, 1 if it is the probe of an open circuit, 1 if it was sent and its answer is not known}
local now, token, lease = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local most, most_an_account = tonumber(ARGV[4]), tonumber(ARGV[5])
local spacing, together = tonumber(ARGV[6]), ARGV[7] == '1'
local LOOK_AGAIN = 100 -- ms after which a slot that is full as a whole is looked at again
local CATCH_UP = 20 -- ms that a late claim may make up for, so that lateness does not lower the rate
local FAR_LOOKS = { 1, 2, 4 } -- see standing.lua

-- Of an open circuit whose time is over exactly one batch is claimed: the probe. Its lease bars the next one.
local bar, circuit_is_open = barred()
if bar > now then most = 0 end
if circuit_is_open then most = math.min(most, 1) end

local function read(id)
  local f = redis.call('HMGET', batch_key(id), 'account', 'order', 'kind', 'events', 'bytes', 'oldest', 'newest',
    'opened', 'state', 'list', 'first', 'last', 'attempts', 'tried', 'sent')
  return { id = id, account = f[1], order = f[2] or '', kind = f[3] or '', events = tonumber(f[4]), bytes = f[5],
    oldest = f[6], newest = f[7], opened = f[8], state = f[9] or 'open', list = f[10] or id,
    first = tonumber(f[11] or 0), last = tonumber(f[12] or f[4] - 1), attempts = tonumber(f[13] or 0),
    tried = tonumber(f[14] or now), sent = tonumber(f[15] or 0) }
end

local began = 0 -- batches that were not in flight before

local function take(batch, far)
  if batch.state == 'open' then
    seal(batch, now)
    batch.state = 'ready'
  end
  if batch.state ~= 'in_flight' then -- else its lease is over, and it was in flight all the time
    move(batch.state, 'in_flight', batch.events)
    redis.call('HINCRBY', account_key(batch.account), 'queued', -batch.events)
    redis.call('ZREM', due_key(batch.account), batch.id)
    began = began + 1
  end
  redis.call('HSET', batch_key(batch.id), 'state', 'in_flight', 'token', token, 'attempts', batch.attempts + 1,
    'tried', batch.tried, 'far', far and 1 or 0)
  redis.call('ZADD', leases_key(batch.account), now + lease, batch.id)
  return { batch.id, batch.account, batch.order, batch.kind, batch.list, batch.first, batch.last, batch.events,
    batch.bytes, batch.oldest, batch.newest, batch.attempts + 1, batch.opened, now - batch.tried,
    circuit_is_open and 1 or 0, batch.sent }
end

-- How many requests an account may have in flight: see standing.lua.
local function most_of(careful, suspected)
  if suspected then return 1 end
  return math.max(1, math.floor(most_an_account * (1 - careful / SLOWLY)))
end

-- What bars an account, read once a claim.
local function bars_of(name)
  local f = redis.call('HMGET', account_key(name), 'hold_until', 'parked', 'paused', 'careful', 'refused', 'far', 'suspected')
  local is_held = f[2] or f[3] or tonumber(f[1] or 0) > now
  if f[1] and not is_held then
    redis.call('HDEL', account_key(name), 'hold_until', 'hold_reason')
    redis.call('ZREM', held, name)
  end
  local looks = FAR_LOOKS[math.min(tonumber(f[5] or 0), #FAR_LOOKS)] or 0
  return { name = name, held = is_held, most = most_of(tonumber(f[4] or 0), f[7]), far = tonumber(f[6] or 0) < looks }
end

local function account_is_full(account)
  return redis.call('ZCARD', leases_key(account.name)) >= account.most
end
local function slot_is_full()
  return together and tonumber(redis.call('HGET', meta, 'requests') or 0) + began >= most_an_account
end

-- The rate: requests are spaced evenly. Its next free place stands with the account, or with the slot for all of them.
local function rate_key(name) return together and meta or account_key(name) end
local function next_place(name)
  return spacing > 0 and tonumber(redis.call('HGET', rate_key(name), 'next_at') or 0) or 0
end
local function take_place(name)
  if spacing > 0 then
    redis.call('HSET', rate_key(name), 'next_at', math.max(next_place(name), now - CATCH_UP) + spacing)
  end
end

-- The batch of a set that is due first; or, looking far, the one that is due last.
local function first_due(key, far)
  if far then return redis.call('ZREVRANGEBYSCORE', key, now, '-inf', 'LIMIT', 0, 1)[1] end
  return redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 1)[1]
end

-- A batch whose lease is over is one of those in flight already, so it goes first and even if the account is full. But
-- as a probe it comes last: it may have killed its worker.
local function next_of(account)
  if next_place(account.name) > now then return nil end
  local fresh = not slot_is_full() and not account_is_full(account)
    and first_due(due_key(account.name), account.far)
  local lapsed = first_due(leases_key(account.name))
  local id = circuit_is_open and fresh or lapsed or fresh
  if not id then return nil end
  take_place(account.name)
  return take(read(id), account.far)
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
for _ = 1, most > 0 and PAGES or 0 do
  local found = redis.call('ZRANGEBYSCORE', accounts, '-inf', now, 'LIMIT', 0, most)
  local turn, seen = {}, {}
  for place, name in ipairs(found) do
    seen[place] = bars_of(name)
    if not seen[place].held then turn[#turn + 1] = seen[place] end
  end
  serve(turn)
  for _, account in ipairs(seen) do schedule(account.name, now, true, account_is_full(account)) end
  if #found == 0 or #claimed >= most or together then break end
end
book()
if #claimed > 0 then
  redis.call('HSET', meta, 'claimed_at', now)
  if began > 0 then redis.call('HINCRBY', meta, 'requests', began) end
  if circuit_is_open then redis.call('HSET', meta, 'circuit_until', now + lease, 'probe', claimed[1][1]) end
end
local first = redis.call('ZRANGE', accounts, 0, 0, 'WITHSCORES')
local next_due = math.max(tonumber(first[2] or -1), (barred()))
if not first[2] or next_due >= FOREVER then next_due = -1 end
if together and next_due >= 0 then
  next_due = math.max(next_due, next_place(''), slot_is_full() and now + LOOK_AGAIN or 0)
end
return { next_due, now, unpack(claimed) }
