-- What an answer says of its account and of its destination, beyond its own batch. Included by settle.lua.
--
-- An account that was told to slow down begins again with one request in flight, and with more and more until
-- `careful` of them were taken. One of which a request was refused for its content is `suspected`: it has one request in
-- flight until the next success. A refusal may be a fault of the request and not of an event (a wrong header or account
-- id); then everything is refused, and halving would make dead letters of all of it. So `refused` counts the single
-- events refused since the last success, and after each of them claim looks `far`, at what lies farthest from them in
-- the queue. After three of them nothing more is buried, and after four far looks that were refused too the account is
-- parked. A success clears it, and also proves that what was split before has bad events: `cleared` and a part's `root`
-- are the numbers of batches there were at the success and at the first refusal. After `proven` such refusals in a row
-- that proof is old, and suspicion begins again.
--
--   field       set by                                    cleared by
--   careful     a limit                                   so many requests that were taken
--   limits      a limit that comes while none holds       a request that was taken
--   suspected   a refusal, resume                         a request that was taken
--   refused     a single event refused                    a request that was taken, resume
--   far         a far look refused                        a request that was taken, resume
--   proven      a refusal of a part that was proven bad   a request that was taken
--   cleared     the success that ends a suspicion         the next one (it only grows)
local SINGLES, FAR, PROVEN, LONGEST_MS = 3, 4, 20, 60000

-- Read once a call; what changes is written at once, and noted here for the settlements behind.
local standings = {}
local function standing_of(account)
  if standings[account] then return standings[account] end
  local f = redis.call('HMGET', account_key(account), 'careful', 'refused', 'far', 'limits', 'parked', 'dead', 'cleared',
    'suspected', 'proven', 'hold_until')
  standings[account] = { careful = tonumber(f[1] or 0), refused = tonumber(f[2] or 0), far = tonumber(f[3] or 0),
    limits = tonumber(f[4] or 0), parked = f[5], dead = tonumber(f[6] or 0), cleared = tonumber(f[7] or 0),
    suspected = f[8], proven = tonumber(f[9] or 0), hold_until = tonumber(f[10] or 0) }
  return standings[account]
end

local function batches_so_far() return tonumber(redis.call('HGET', meta, 'batches')) end

local function was_taken(account, standing)
  if standing.suspected then
    standing.cleared, standing.suspected, standing.refused, standing.far = batches_so_far(), false, 0, 0
    redis.call('HSET', account_key(account), 'cleared', standing.cleared)
    redis.call('HDEL', account_key(account), 'suspected', 'refused', 'far')
  end
  if standing.careful > 0 then
    standing.careful = redis.call('HINCRBY', account_key(account), 'careful', -1)
  end
  if standing.limits > 0 or standing.proven > 0 then
    standing.limits, standing.proven = 0, 0
    redis.call('HDEL', account_key(account), 'limits', 'proven')
  end
end

-- Gives whether a single event is put back instead of buried, and whether the account is to be parked.
local function was_refused(account, standing, single, far, root)
  if standing.parked then return true, false end
  if root and standing.cleared > root and standing.proven < PROVEN then
    standing.proven = standing.proven + 1
    redis.call('HSET', account_key(account), 'proven', standing.proven)
    return false, false
  end
  local keeps = single and standing.refused >= SINGLES
  local looked = far and (not single or keeps)
  standing.refused = standing.refused + (single and not keeps and 1 or 0)
  standing.far = standing.far + (looked and 1 or 0)
  standing.suspected = true
  redis.call('HSET', account_key(account), 'suspected', 1, 'refused', standing.refused, 'far', standing.far)
  return keeps, standing.refused >= SINGLES and standing.far >= FAR
end

-- Requests that were under way together and are all told to slow down count once.
local function was_limited(account, standing, now, given_ms, reason)
  standing.careful = SLOWLY
  redis.call('HSET', account_key(account), 'careful', SLOWLY)
  local is_held, limits = standing.hold_until > now, standing.limits
  if is_held and given_ms == 0 then return end
  if not is_held then
    standing.limits = limits + 1
    redis.call('HSET', account_key(account), 'limits', standing.limits)
  end
  local duration = given_ms > 0 and given_ms or math.min(LONGEST_MS, 1000 * 2 ^ math.min(limits, 10))
  if standing.hold_until < now + duration then
    standing.hold_until = now + duration
    limit(account, now, duration, reason)
  end
end

-- What stands of the slot as a whole, read once a call: how many requests are in flight, the bytes released, and the circuit.
local in_all
local function read_in_all()
  local f = redis.call('HMGET', meta, 'failures', 'circuit_until', 'circuit_delay', 'probe', 'requests', 'released')
  in_all = { failures = tonumber(f[1] or 0), open = f[2] and true or false, delay = tonumber(f[3] or 0), probe = f[4],
    requests = tonumber(f[5] or 0), released = tonumber(f[6] or 0) }
end

local function try_later(now, delay)
  in_all.open, in_all.delay, in_all.probe = true, delay, ''
  redis.call('HSET', meta, 'circuit_until', now + delay, 'circuit_delay', delay, 'probe', '')
end

-- The circuit of the destination. Failures count over all accounts; any answer of the API itself ends their row. Gives
-- whether it was open, and whether it opened now.
local function circuit_after(verdict, id, now, bounds)
  local open, is_probe = in_all.open, in_all.probe == id
  if verdict == '' then
    if is_probe then
      in_all.probe = ''
      redis.call('HSET', meta, 'circuit_until', now, 'probe', '')
    end
  elseif verdict ~= 'failed' then
    if in_all.failures > 0 or open then
      in_all.failures, in_all.open, in_all.delay, in_all.probe = 0, false, 0, false
      redis.call('HDEL', meta, 'failures', 'circuit_until', 'circuit_delay', 'probe')
    end
  elseif is_probe then
    try_later(now, math.min(bounds.longest_ms, 2 * in_all.delay))
  elseif not open and bounds.failures > 0 then
    in_all.failures = redis.call('HINCRBY', meta, 'failures', 1)
    if in_all.failures >= bounds.failures then
      try_later(now, bounds.first_ms)
      return open, true
    end
  end
  return open, false
end
