#!lua flags=no-writes
-- The next dead letters of some indexes, in the order in which they died, or against it. Changes nothing.
-- KEYS  the fixed keys of the slot
-- ARGV  oldest or newest (which come first), the time from which and the time before which they died (ms, -inf, +inf),
--       the time from which and the time before which their events are ('' for both: of any time), letters of each index
--       after which it is enough, then for each index: the text of its code and account as in dead_counts ('' for all
--       letters), when the letter died behind which it goes on (ms), and its number ('' from the beginning)
-- Gives for each index: 1 if there may be more, when the letter died that was looked at last, and its number (behind it
-- the next call goes on), then the numbers of those that fit, each with when it died. Where events are looked at by their
-- times it is enough, too, when so many were looked at that others have waited for a few milliseconds.
local HEAD, INDEX, LOOKED, STEP = 6, 3, 5000, 1000
local oldest, since, till = ARGV[1] == 'oldest', ARGV[2], ARGV[3]
local from, before, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local any_time = not from
local looks = math.max(STEP / 5, LOOKED * INDEX / (#ARGV - HEAD))

-- How many letters of an index died before a time, or at it with a number before this one (`with_it`: or this number).
local function died_before(key, at) return redis.call('ZCOUNT', key, '-inf', '(' .. at) end
local function up_to(key, at, number, with_it)
  local low, high = died_before(key, at), redis.call('ZCOUNT', key, '-inf', at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local there = redis.call('ZRANGE', key, middle, middle)[1]
    if there < number or with_it and there == number then low = middle + 1 else high = middle end
  end
  return low
end

-- The ranks that are left, first and last.
local function left_of(key, died, number)
  local first, last = died_before(key, since), died_before(key, till) - 1
  if number == '' then return first, last end
  if oldest then return math.max(first, up_to(key, died, number, true)), last end
  return first, math.min(last, up_to(key, died, number, false) - 1)
end

-- Of a slice (number, time of death, number, …): whether each event's time fits.
local function fitting(slice)
  local numbers, fits = {}, {}
  for at = 1, #slice, 2 do numbers[#numbers + 1] = slice[at] end
  for place, time in ipairs(redis.call('ZMSCORE', dead_expires, unpack(numbers))) do
    local told = time and tonumber(time)
    fits[place] = told and told >= from and told < before
  end
  return fits
end

local function take(page, slice)
  local fits = not any_time and fitting(slice)
  local start, stop, way = 1, #slice / 2, 1
  if not oldest then start, stop, way = stop, 1, -1 end
  for place = start, stop, way do
    if any_time or fits[place] then
      page[#page + 1] = slice[2 * place - 1]
      page[#page + 1] = slice[2 * place]
    end
  end
  page[2], page[3] = slice[2 * stop], slice[2 * stop - 1]
end

local pages = {}
for at = HEAD + 1, #ARGV, INDEX do
  local key = ARGV[at] == '' and dead or base .. 'dead_of:' .. ARGV[at]
  local first, last = left_of(key, ARGV[at + 1], ARGV[at + 2])
  local step, looked, page = any_time and most or math.min(STEP, looks), 0, { 0, '0', '' }
  while first <= last and #page < 3 + 2 * most and (any_time or looked < looks) do
    local stop = math.min(last, first + step - 1)
    local start = oldest and first or math.max(first, last - step + 1)
    take(page, redis.call('ZRANGE', key, start, oldest and stop or last, 'WITHSCORES'))
    if oldest then first = stop + 1 else last = start - 1 end
    looked = looked + step
  end
  page[1] = first <= last and 1 or 0
  pages[#pages + 1] = page
end
return pages
