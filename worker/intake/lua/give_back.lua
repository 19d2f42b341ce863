#!lua flags=allow-oom
-- Ends a take: what is done is forgotten, and the rest goes back to the head of its queue's list, in its old order.
-- KEYS  takes, the take's list, then the queue's lists
-- ARGV  the take, then the places of the messages that are done, from 0
-- Gives the number of messages given back; 0 too where another reader did it, when the lease was over.
local takes, taken = KEYS[1], KEYS[2]
local done, back = {}, 0
for at = 2, #ARGV do done[tonumber(ARGV[at]) + 1] = true end
for list = 3, #KEYS do redis.call('LLEN', KEYS[list]) end -- an error if it is no list, before the first write

local all_done = redis.call('LLEN', taken) == #ARGV - 1 -- the usual case reads no message
local entries = all_done and {} or redis.call('LRANGE', taken, 0, -1)
for place = #entries, 1, -1 do
  if not done[place] then
    redis.call('RPUSH', KEYS[2 + string.sub(entries[place], 1, 1)], string.sub(entries[place], 2))
    back = back + 1
  end
end
redis.call('UNLINK', taken)
redis.call('ZREM', takes, ARGV[1])
return back
