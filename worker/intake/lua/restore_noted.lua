#!lua flags=allow-oom
-- Gives back one message that kombu's transport had noted as unacknowledged, unless somebody did so before.
-- KEYS  unacked (hash), unacked_index (zset), the queue's list
-- ARGV  the message's tag, the message
-- Gives 1 if it was given back.
redis.call('LLEN', KEYS[3]) -- an error if it is no list, before the first write
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[2])
return 1
