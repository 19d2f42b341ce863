#!lua flags=allow-oom
-- Holds an account as a settlement would, without one: limited for a time, or parked.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', account, kind (limited or parked), duration ms (of limited; 0 ends that hold), reason, print of the
--       credentials (of parked)
-- Gives 1.
local now, account, duration = clock(ARGV[1]), ARGV[2], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
if ARGV[3] == 'parked' then
  park(account, now, ARGV[5], ARGV[6])
elseif duration > 0 then
  limit(account, now, duration, ARGV[5])
else
  redis.call('HDEL', account_key(account), 'hold_until', 'hold_reason')
  note_hold(account, now)
end
schedule(account, now)
return 1
