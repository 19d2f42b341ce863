#!lua flags=no-writes,allow-oom
-- How many messages wait in the queue and how many are taken, in one instant.
-- KEYS  takes, unacked (hash: noted by kombu's transport), then the queue's lists; the lists of the takes are derived
-- ARGV  what the names of the takes' lists begin with
-- Gives both numbers.
local waiting, taken = 0, redis.call('HLEN', KEYS[2])
for list = 3, #KEYS do waiting = waiting + redis.call('LLEN', KEYS[list]) end
for _, take in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  taken = taken + redis.call('LLEN', ARGV[1] .. take)
end
return { waiting, taken }
