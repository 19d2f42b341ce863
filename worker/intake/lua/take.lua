#!lua flags=allow-oom
-- Moves the oldest messages of the queue, those of the first list first, into a list of this take, under a lease. A
-- take that was asked for twice (its answer was lost) gives the same messages and moves no others.
-- Works when Redis is out of memory: only what is taken makes the queue shorter.
-- KEYS  takes (zset: take -> when its lease is over, us), the take's list, then the queue's lists
-- ARGV  the take, lease ms, most messages, most bytes (the message that reaches them is the last)
-- Gives the messages, oldest first. In the take's list each has the number of its queue's list before it, in one digit.
local takes, taken = KEYS[1], KEYS[2]
local messages, bytes = {}, 0

for _, entry in ipairs(redis.call('LRANGE', taken, 0, -1)) do messages[#messages + 1] = string.sub(entry, 2) end
if #messages > 0 then return messages end

local waiting = 0
for list = 3, #KEYS do waiting = waiting + redis.call('LLEN', KEYS[list]) end
if waiting == 0 then return messages end

local time = redis.call('TIME')
redis.call('ZADD', takes, time[1] * 1000000 + time[2] + ARGV[2] * 1000, ARGV[1])
for list = 3, #KEYS do
  while #messages < tonumber(ARGV[3]) and bytes < tonumber(ARGV[4]) do
    local message = redis.call('RPOP', KEYS[list])
    if not message then break end
    redis.call('RPUSH', taken, (list - 2) .. message)
    messages[#messages + 1], bytes = message, bytes + #message
  end
end
return messages
