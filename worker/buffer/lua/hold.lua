#!lua flags=allow-oom
-- Holds an account: nothing of it is claimed until the hold ends. Costs the same however much waits behind it.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', account, duration ms (0 ends the hold), reason
local now, account, duration = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if duration == 0 then
  redis.call('HDEL', account_key(account), 'hold_until', 'hold_reason')
  redis.call('ZREM', held, account)
else
  redis.call('HSET', account_key(account), 'hold_until', now + duration, 'hold_reason', ARGV[4])
  redis.call('ZADD', held, now + duration, account)
end
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
schedule(account, now)
return 1
