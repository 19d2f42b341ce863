#!lua flags=allow-oom
-- Adds an entry to the audit, whose oldest entries go. Also when memory is full, as what it tells of is done then too.
-- KEYS  the audit, a stream
-- ARGV  how many entries are kept, the entry, its run if it must be the only end of it or ''
-- Gives the entry's id, or nothing if that end was told: then it is among the newest, as all who tell it do so at once.
local LOOKED_AT = 500
local function is_end(entry)
  return entry.run == ARGV[3] and not string.find(entry.action, ' begun$') and not entry.details.broken_off
end
if ARGV[3] ~= '' then
  for _, each in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', LOOKED_AT)) do
    if is_end(cjson.decode(each[2][2])) then return false end
  end
end
return redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'entry', ARGV[2])
