#!lua flags=allow-oom
-- Says whether a task should be sent for the slot: something is due, and no task is under way or on its way. Notes it.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', how long the note holds (ms), token of the task
-- Gives 1 if a task is to be sent, else 0.
local now = clock(ARGV[1])
local first = redis.call('ZRANGE', accounts, 0, 0, 'WITHSCORES')
if not first[1] or tonumber(first[2]) > now or barred() > now then return 0 end
return redis.call('SET', dispatched, ARGV[3], 'NX', 'PX', ARGV[2]) and 1 or 0
