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

local function standing_of(account)
  local f = redis.call('HMGET', account_key(account), 'careful', 'refused', 'far', 'limits', 'parked', 'dead', 'cleared',
    'suspected', 'proven', 'hold_until')
  return { careful = tonumber(f[1] or 0), refused = tonumber(f[2] or 0), far = tonumber(f[3] or 0),
    limits = tonumber(f[4] or 0), parked = f[5], dead = tonumber(f[6] or 0), cleared = tonumber(f[7] or 0),
    suspected = f[8], proven = tonumber(f[9] or 0), hold_until = tonumber(f[10] or 0) }
end

local function batches_so_far() return tonumber(redis.call('HGET', meta, 'batches')) end

local function was_taken(account, standing)
  if standing.suspected then
    redis.call('HSET', account_key(account), 'cleared', batches_so_far())
    redis.call('HDEL', account_key(account), 'suspected', 'refused', 'far')
  end
  if standing.careful > 0 then redis.call('HINCRBY', account_key(account), 'careful', -1) end
  if standing.limits > 0 or standing.proven > 0 then redis.call('HDEL', account_key(account), 'limits', 'proven') end
end

-- Gives whether a single event is put back instead of buried, and whether the account is to be parked.
local function was_refused(account, standing, single, far, root)
  if standing.parked then return true, false end
  if root and standing.cleared > root and standing.proven < PROVEN then
    redis.call('HSET', account_key(account), 'proven', standing.proven + 1)
    return false, false
  end
  local keeps = single and standing.refused >= SINGLES
  local looked = far and (not single or keeps)
  local singles = standing.refused + (single and not keeps and 1 or 0)
  local looks = standing.far + (looked and 1 or 0)
  redis.call('HSET', account_key(account), 'suspected', 1, 'refused', singles, 'far', looks)
  return keeps, singles >= SINGLES and looks >= FAR
end

-- Requests that were under way together and are all told to slow down count once.
local function was_limited(account, standing, now, given_ms, reason)
  redis.call('HSET', account_key(account), 'careful', SLOWLY)
  local is_held = standing.hold_until > now
  if is_held and given_ms == 0 then return end
  if not is_held then redis.call('HSET', account_key(account), 'limits', standing.limits + 1) end
  local duration = given_ms > 0 and given_ms or math.min(LONGEST_MS, 1000 * 2 ^ math.min(standing.limits, 10))
  if standing.hold_until < now + duration then limit(account, now, duration, reason) end
end

-- The circuit of the destination. Failures count over all accounts; any answer of the API itself ends their row. Gives
-- whether it was open, whether it opened now, and, since that is read on the way, how many requests are in flight and the
-- bytes released.
local function circuit_after(verdict, id, now, failures, first_ms, longest_ms)
  local f = redis.call('HMGET', meta, 'failures', 'circuit_until', 'circuit_delay', 'probe', 'requests', 'released')
  local open, is_probe, opens = f[2] and true or false, f[4] == id, false
  if verdict == '' then
    if is_probe then redis.call('HSET', meta, 'circuit_until', now, 'probe', '') end
  elseif verdict ~= 'failed' then
    if f[1] or open then redis.call('HDEL', meta, 'failures', 'circuit_until', 'circuit_delay', 'probe') end
  elseif is_probe then
    local delay = math.min(longest_ms, 2 * tonumber(f[3]))
    redis.call('HSET', meta, 'circuit_until', now + delay, 'circuit_delay', delay, 'probe', '')
  elseif not open and failures > 0 and redis.call('HINCRBY', meta, 'failures', 1) >= failures then
    redis.call('HSET', meta, 'circuit_until', now + first_ms, 'circuit_delay', first_ms, 'probe', '')
    opens = true
  end
  return open, opens, tonumber(f[5] or 0), tonumber(f[6] or 0)
end
