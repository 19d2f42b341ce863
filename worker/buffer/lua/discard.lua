#!lua flags=allow-oom
-- Gives up dead letters for good. One that is gone already is passed over.
-- KEYS  the fixed keys of the slot
-- ARGV  where they are counted from now on (discarded, or delivered by another way), the letters' numbers
-- Gives the number of letters discarded.
local letters, seen = {}, {}
for at = 2, #ARGV do
  local number = ARGV[at]
  local f = not seen[number] and redis.call('HMGET', letter_key(number), 'id', 'code', 'account') or {}
  if f[1] then letters[#letters + 1] = { number = number, id = f[1], code = f[2], account = f[3] } end
  seen[number] = true
end
forget_all(letters)
move('dead', ARGV[1], #letters)
book()
return #letters
