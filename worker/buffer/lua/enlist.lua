#!lua flags=allow-oom
-- Lists a replay before it begins. Also when memory is full: what is replayed makes room.
-- KEYS  the list of all replays, a sorted set
-- ARGV  replay, when it was started (ms), then replays that leave the list
-- Gives 1.
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
for at = 3, #ARGV do redis.call('ZREM', KEYS[1], ARGV[at]) end
return 1
