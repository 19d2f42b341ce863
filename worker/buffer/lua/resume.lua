#!lua flags=allow-oom
-- Ends what holds accounts until somebody says so: parked and paused. One that was parked goes on carefully.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', parked or paused or both, then for each account: its name ('' for a pause of all of the slot), and the
--       print of the credentials that it was parked with, or '' for any (another one means that it was parked anew)
-- Gives the number of accounts that were held and no longer are.
local now, what, resumed = clock(ARGV[1]), ARGV[2], 0

local function ends(account, print)
  local key = account_key(account)
  local holds = redis.call('HMGET', key, 'parked', 'paused', 'parked_with')
  local parked = holds[1] and what ~= 'paused' and (print == '' or print == holds[3])
  local paused = holds[2] and what ~= 'parked'
  if parked then
    redis.call('HDEL', key, 'parked', 'parked_with', 'refused', 'far', 'proven')
    redis.call('HSET', key, 'suspected', 1)
  end
  if paused then redis.call('HDEL', key, 'paused') end
  return parked or paused
end

for at = 3, #ARGV, 2 do
  local account = ARGV[at]
  if account == '' then
    resumed = resumed + redis.call('HDEL', meta, 'paused')
  elseif ends(account, ARGV[at + 1]) then
    resumed = resumed + 1
    note_hold(account, now)
    schedule(account, now)
  end
end
return resumed
