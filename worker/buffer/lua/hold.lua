#!lua flags=allow-oom
-- Holds an account, or all of the slot: nothing of it is claimed until the hold ends. Costs the same however much waits.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', account ('' for all of them), kind (limited, paused or parked), duration ms (of limited; 0 ends that
--       hold), reason, print of the credentials (of parked)
-- Gives 1.
local now, account, kind, duration, reason = clock(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
if account == '' then
  redis.call('HSET', meta, 'paused', reason)
  return 1
end
if kind == 'parked' then
  park(account, now, reason, ARGV[6])
elseif kind == 'paused' then
  redis.call('HSET', account_key(account), 'paused', reason)
  note_hold(account, now)
elseif duration > 0 then
  limit(account, now, duration, reason)
else
  redis.call('HDEL', account_key(account), 'hold_until', 'hold_reason')
  note_hold(account, now)
end
schedule(account, now)
return 1
