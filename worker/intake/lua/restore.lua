#!lua flags=allow-oom
-- Ends the takes whose lease is over: their messages go back to the head of their queue's lists, in their old order,
-- those of the oldest take in front.
-- KEYS  takes, then the queue's lists; the lists of the takes are derived
-- ARGV  what the names of the takes' lists begin with
-- Gives the number of messages given back.
local takes, back = KEYS[1], 0
for list = 2, #KEYS do redis.call('LLEN', KEYS[list]) end -- an error if it is no list, before the first write

local time = redis.call('TIME')
local lapsed = redis.call('ZREVRANGEBYSCORE', takes, time[1] * 1000000 + time[2], '-inf')
for _, take in ipairs(lapsed) do
  local taken = ARGV[1] .. take
  local entries = redis.call('LRANGE', taken, 0, -1)
  for place = #entries, 1, -1 do
    redis.call('RPUSH', KEYS[1 + string.sub(entries[place], 1, 1)], string.sub(entries[place], 2))
  end
  back = back + #entries
  redis.call('UNLINK', taken)
  redis.call('ZREM', takes, take)
end
return back
