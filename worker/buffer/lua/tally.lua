-- Counters of what came of attempts, in the step that settles them, so that no crash comes between. Included by settle.lua
-- and reject.lua. stats, a hash:
--   request:<status>:<ms>:<events>   requests by the status of their answer (0: none came), by how long they took and by how
--                        many events were in them: at most so much, and more than the bound before; the last: inf.
--                        How many, how many ms they took, and how many events were in them, side by side: "3 95 12"
--   delivery:<ms>        the same of delivered events, by how long it was since their batch was opened: events, ms
--   died:<code>          events that became dead letters; beyond so many codes: of `other`
--   imported             letters that came from a file (import.lua): they died before
--   retried, returned    events to be sent again, their attempt spent or given back
--   waits, waited_ms     how often, and for how long, a request waited for its place in the rate
local DELIVERY_MS = { 500, 1000, 1500, 2000, 3000, 5000, 10000, 30000, 60000, 300000, 1800000, 3600000, 21600000, 86400000 }
local MOST_CODES = 100
local stats = base .. 'stats'


local function plus(told, counted)
  local count, sum, others = string.match(told or '0 0 0', '^(%d+) (%d+) ?(%d*)$')
  local words = string.format('%.0f %.0f', count + counted[1], sum + counted[2])
  return counted[3] and words .. string.format(' %.0f', others + counted[3]) or words
end

local function delivery_field(ms)
  local place = 1
  while DELIVERY_MS[place] and DELIVERY_MS[place] < ms do place = place + 1 end
  return 'delivery:' .. (DELIVERY_MS[place] or 'inf')
end

-- Counted in this call; `book_tallies` brings it to Redis at its end, all in one reading and one writing.
local tallies, sums, summed = {}, {}, {}

local function tally(field, by) tallies[field] = (tallies[field] or 0) + by end

local function add(field, count, sum, others)
  local counted = sums[field]
  if not counted then
    counted = { 0, 0, others and 0 }
    sums[field], summed[#summed + 1] = counted, field
  end
  counted[1], counted[2] = counted[1] + count, counted[2] + sum
  if others then counted[3] = counted[3] + others end
end

-- What nearly every settlement counts: the request, if there was one (else ''), and the events delivered, if any.
local function tally_attempt(request, ms, sent, delivered, waited)
  if request ~= '' then add(request, 1, ms, sent) end
  if delivered > 0 then add(delivery_field(waited), delivered, waited * delivered) end
end

local function book_tallies()
  for field, by in pairs(tallies) do redis.call('HINCRBY', stats, field, by) end
  if #summed == 0 then return end
  local found, told = redis.call('HMGET', stats, unpack(summed)), {}
  for place, field in ipairs(summed) do
    told[2 * place - 1], told[2 * place] = field, plus(found[place], sums[field])
  end
  redis.call('HSET', stats, unpack(told))
end

local function tally_died(code, events)
  local field = 'died:' .. code
  if not redis.call('HGET', stats, field) then
    if tonumber(redis.call('HGET', stats, 'codes') or 0) >= MOST_CODES then
      field = 'died:other'
    else
      redis.call('HINCRBY', stats, 'codes', 1)
    end
  end
  redis.call('HINCRBY', stats, field, events)
end
