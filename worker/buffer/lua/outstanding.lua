-- What of replays is on its way in the slot. Included by replay.lua and steer.lua.
--   replays          zset   replay -> when it was started (ms); those that are not over
--   replay:<id>      hash   see worker/replay/record.py
--   aside:<id>       zset   place of a letter that the replay comes back to -> its number
--   replaying        hash   batch that a replay made -> its account, while some of it is not settled
local KEPT = 7 * 86400 -- s that a replay is told of when it is over
local SOON = 1000 -- ms; a batch whose next attempt is later takes no part in what is sent now

local function end_replay(id, state, now)
  redis.call('ZREM', base .. 'replays', id)
  redis.call('UNLINK', base .. 'aside:' .. id)
  redis.call('HSET', base .. 'replay:' .. id, 'state', state, 'ended', now)
  redis.call('HDEL', base .. 'replay:' .. id, 'filter') -- its text may name a person
  redis.call('EXPIRE', base .. 'replay:' .. id, KEPT)
end

-- The index of accepted ids is told into which batch an event went by its replay, if it knows the id still.
local function renote(generations, print, batch)
  local found, generation
  if print ~= '' then found, generation = noted(generations, print) end
  if not found then return end
  local place = bucket_of(generation, (struct.unpack('<I4', print)))
  local bucket = redis.call('HGET', generation.key, place)
  local _, at = record_in(bucket, print)
  redis.call('HSET', generation.key, place, string.sub(bucket, 1, at + 11) .. pack_batch(batch) .. string.sub(bucket, at + RECORD))
end

local function outstanding(now, most, most_in_all)
  local noted_of, flowing, barred_of = {}, 0, {}

  -- Whether the account is held until it is resumed ('lasting'), for a time ('for now'), or not.
  local function hold_of(account)
    if barred_of[account] == nil then
      local f = redis.call('HMGET', account_key(account), 'hold_until', 'parked', 'paused')
      barred_of[account] = (f[2] or f[3]) and 'lasting' or tonumber(f[1] or 0) > now and 'for now' or false
    end
    return barred_of[account]
  end

  local function waits_long(batch)
    local f = redis.call('HMGET', batch_key(batch), 'state', 'due')
    return f[1] == 'waiting' and tonumber(f[2]) > now + SOON
  end

  local listed = redis.call('HGETALL', base .. 'replaying')
  for at = 1, #listed, 2 do
    local batch, account = listed[at], listed[at + 1]
    if redis.call('EXISTS', events_key(batch)) == 0 or hold_of(account) == 'lasting' then
      redis.call('HDEL', base .. 'replaying', batch)
    else
      noted_of[account] = (noted_of[account] or 0) + 1
      if waits_long(batch) then barred_of[account] = 'for now' end
      if not barred_of[account] then flowing = flowing + 1 end
    end
  end

  -- Whether another batch of the account may be made: 'free' (any number), 'noted' (it counts), 'aside' or 'full'.
  local function room(account, replay, pass)
    local key, hold = base .. 'replay:' .. replay, hold_of(account)
    if hold == 'lasting' then return 'free' end
    if hold or redis.call('HGET', key, 'aside:' .. account) == tostring(pass) then
      redis.call('HSET', key, 'aside:' .. account, pass)
      return 'aside'
    end
    if (noted_of[account] or 0) >= most or flowing >= most_in_all then return 'full' end
    noted_of[account], flowing = (noted_of[account] or 0) + 1, flowing + 1
    return 'noted'
  end

  return { room = room }
end
