#!lua flags=allow-oom
-- Gives up dead letters for good. One that is gone already is passed over.
-- KEYS  the fixed keys of the slot
-- ARGV  where they are counted from now on (discarded, or delivered by another way), the letters' numbers
-- Gives the number of letters discarded.
local discarded = 0
for at = 2, #ARGV do
  local number = ARGV[at]
  local f = redis.call('HMGET', letter_key(number), 'id', 'code', 'account')
  if f[1] then
    forget(number, f[1], f[2], f[3])
    discarded = discarded + 1
  end
end
move('dead', ARGV[1], discarded)
book()
return discarded
