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

local function tally(field, by) redis.call('HINCRBY', stats, field, by) end

local function plus(told, count, sum, other)
  local counted, summed, others = string.match(told or '0 0 0', '^(%d+) (%d+) ?(%d*)$')
  if not other then return string.format('%.0f %.0f', counted + count, summed + sum) end
  return string.format('%.0f %.0f %.0f', counted + count, summed + sum, others + other)
end

local function delivery_field(ms)
  local place = 1
  while DELIVERY_MS[place] and DELIVERY_MS[place] < ms do place = place + 1 end
  return 'delivery:' .. (DELIVERY_MS[place] or 'inf')
end

-- What nearly every settlement counts: the request, if there was one (else ''), and the events delivered, if any. One
-- reading and one writing for both.
local function tally_attempt(request, ms, sent, delivered, waited)
  local delivery = delivered > 0 and delivery_field(waited) or ''
  if request == '' and delivery == '' then return end
  local found = redis.call('HMGET', stats, request, delivery)
  local requests = request ~= '' and plus(found[1], 1, ms, sent)
  local deliveries = delivery ~= '' and plus(found[2], delivered, waited * delivered)
  if requests and deliveries then
    redis.call('HSET', stats, request, requests, delivery, deliveries)
  else
    redis.call('HSET', stats, requests and request or delivery, requests or deliveries)
  end
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
