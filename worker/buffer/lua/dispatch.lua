#!lua flags=allow-oom
-- Says whether a task should be sent for the slot: something is due or a replay runs, and no task is under way or on its
-- way. Notes it.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', how long the note holds (ms), token of the task
-- Gives 0 if no task is to be sent, 1 if one is, 2 if a replay runs.
local now = clock(ARGV[1])

local function replay_runs()
  for _, id in ipairs(redis.call('ZRANGE', base .. 'replays', 0, -1)) do
    if redis.call('HGET', base .. 'replay:' .. id, 'state') == 'running' then return true end
  end
  return false
end

local first = redis.call('ZRANGE', accounts, 0, 0, 'WITHSCORES')
local is_due, replays = first[1] and tonumber(first[2]) <= now, replay_runs()
if not (is_due or replays) or barred() > now then return 0 end
return redis.call('SET', dispatched, ARGV[3], 'NX', 'PX', ARGV[2]) and (replays and 2 or 1) or 0
