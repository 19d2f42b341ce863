-- Counters of what came of attempts, in the step that settles them, so that no crash comes between. Included by settle.lua
-- and reject.lua. stats, a hash:
--   request:<status>:<ms>:<events>   requests by the status of their answer (0: none came), by how long they took and by how
--                        many events were in them: at most so much, and more than the bound before; the last: inf
--   request_ms, request_events       the sums of both
--   delivery:<ms>, delivery_ms       the same of delivered events: how long it was since their batch was opened
--   died:<code>          events that became dead letters; beyond so many codes: of `other`
--   imported             letters that came from a file (import.lua): they died before
--   retried, returned    events to be sent again, their attempt spent or given back
--   waits, waited_ms     how often, and for how long, a request waited for its place in the rate
local DELIVERY_MS = { 500, 1000, 1500, 2000, 3000, 5000, 10000, 30000, 60000, 300000, 1800000, 3600000, 21600000, 86400000 }
local MOST_CODES = 100
local stats = base .. 'stats'
local tallies = {}

local function tally(field, by) tallies[field] = (tallies[field] or 0) + by end

local function tally_request(field, ms, events)
  tally(field, 1)
  tally('request_ms', ms)
  tally('request_events', events)
end

local function tally_delivered(events, ms)
  local place = 1
  while DELIVERY_MS[place] and DELIVERY_MS[place] < ms do place = place + 1 end
  tally('delivery:' .. (DELIVERY_MS[place] or 'inf'), events)
  tally('delivery_ms', ms * events)
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

-- One reading and one writing for all of them.
local function book_tallies()
  local fields, pairs_ = {}, {}
  for field in pairs(tallies) do fields[#fields + 1] = field end
  if #fields == 0 then return end
  local found = redis.call('HMGET', stats, unpack(fields))
  for place, field in ipairs(fields) do
    pairs_[2 * place - 1], pairs_[2 * place] = field, (tonumber(found[place]) or 0) + tallies[field]
  end
  redis.call('HSET', stats, unpack(pairs_))
end
