#!lua flags=allow-oom
-- Pauses, resumes or cancels a replay. What it has moved is on its way, and stays so.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', replay, the state it is to have: paused, running or cancelled
-- Gives 1 if it has that state now, 0 if it is over or was never here.
--@with outstanding
local now, replay, wanted = clock(ARGV[1]), ARGV[2], ARGV[3]
if not redis.call('ZSCORE', base .. 'replays', replay) then return 0 end
if wanted == 'cancelled' then
  end_replay(replay, wanted, now)
else
  redis.call('HSET', base .. 'replay:' .. replay, 'state', wanted)
end
return 1
