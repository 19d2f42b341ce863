#!lua flags=allow-oom
-- Begins a replay in the slot, over the letters that are there now: those that come later have higher numbers.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', replay, when it was started (ms), fields of its hash, each with its value, '' and the places of
--       letters that were chosen one by one (when it died : number), if there are such
-- Gives 1, or 0 if it is here already.
--@with outstanding
local now, replay = clock(ARGV[1]), ARGV[2]
local key, at = base .. 'replay:' .. replay, 4
if redis.call('EXISTS', key) == 1 then return 0 end
while ARGV[at] and ARGV[at] ~= '' do
  redis.call('HSET', key, ARGV[at], ARGV[at + 1])
  at = at + 2
end
for place = at + 1, #ARGV do
  redis.call('ZADD', base .. 'aside:' .. replay, string.match(ARGV[place], '%d+$'), ARGV[place])
end
local pass = ARGV[at + 1] and 1 or 0
redis.call('HSET', key, 'state', 'running', 'begun', now, 'round', pass, 'at', pass .. '/', 'moved', 0, 'withheld', 0,
  'undecided', 0, 'expired', 0, 'gone', 0, 'bound', string.format('%012d', redis.call('HGET', meta, 'letters') or 0))
redis.call('ZADD', base .. 'replays', ARGV[3], replay)
return 1
