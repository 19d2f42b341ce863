#!lua flags=no-writes
-- The next dead letters of some indexes, in the order in which they died, or against it. Changes nothing.
-- KEYS  the fixed keys of the slot
-- ARGV  oldest or newest (which come first), the time from which and the time before which they died (ms, -inf, +inf),
--       most letters of each index, then for each index: the text of its code and account as in dead_counts ('' for all
--       letters), when the letter died behind which it goes on (ms), and its number ('' from the beginning)
-- Gives for each index the numbers of its next letters, each with when it died; the oldest first, always.
local oldest, since, till, most = ARGV[1] == 'oldest', ARGV[2], ARGV[3], tonumber(ARGV[4])

-- How many letters of an index died before a time, or at it with a number up to this one.
local function before(key, at) return redis.call('ZCOUNT', key, '-inf', '(' .. at) end
local function up_to(key, at, number)
  local low, high = before(key, at), redis.call('ZCOUNT', key, '-inf', at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', key, middle, middle)[1] <= number then low = middle + 1 else high = middle end
  end
  return low
end

local pages = {}
for at = 5, #ARGV, 3 do
  local key = ARGV[at] == '' and dead or base .. 'dead_of:' .. ARGV[at]
  local died, number = ARGV[at + 1], ARGV[at + 2]
  local first, last = before(key, since), before(key, till) - 1
  if oldest then
    if number ~= '' then first = math.max(first, up_to(key, died, number)) end
    last = math.min(last, first + most - 1)
  else
    if number ~= '' then
      local known = up_to(key, died, number)
      if known > 0 and redis.call('ZRANGE', key, known - 1, known - 1)[1] == number then known = known - 1 end
      last = math.min(last, known - 1)
    end
    first = math.max(first, last - most + 1)
  end
  local page = first <= last and redis.call('ZRANGE', key, first, last, 'WITHSCORES') or {}
  pages[#pages + 1] = page
end
return pages
