#!lua flags=allow-oom
-- Pauses an account, or all of the slot: nothing of it is claimed until it is resumed. Costs the same however much waits.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', account ('' for all of them), reason
-- Gives 1.
local now, account, reason = clock(ARGV[1]), ARGV[2], ARGV[3]
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
if account == '' then
  redis.call('HSET', meta, 'paused', reason)
  return 1
end
redis.call('HSET', account_key(account), 'paused', reason)
note_hold(account, now)
schedule(account, now)
return 1
