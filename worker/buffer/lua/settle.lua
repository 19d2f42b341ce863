#!lua flags=allow-oom
-- Ends one attempt at a batch: each event delivered, dead, or to be sent again. A settle with an old token changes
-- nothing but a counter.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', batch, token, epoch, 'refund' to give the attempt back or 'renew' to begin anew as another batch
--       (else ''), verdict, hold ms, reason of the hold, print of the credentials, 1 if the
--       API was reached, failures that open the circuit, its
--       first and its longest delay (ms), most dead letters of an account (0: any), how long records are kept (ms; 0:
--       there are none), delivered, dead, again, what the record says of the attempt (JSON; '': nothing), the field by
--       which its request is counted ('': there was none), ms of the request, events in it, ms that it waited for its place
--       in the rate, the prints of the batch's events (8 bytes each, or '': not needed),
--       for each dead: its id, its first code, its event time (ms), the stored event (with this death in its history)
--       for each part to be sent again: first and last (places in the list), bytes, delay ms (0: it keeps its place, or
--       -1: the smallest first)
-- The verdict: taken, refused (for its content), limited, parked (credentials refused), answered (by the API, no more is
-- known), failed (no sign of the API), or '' (nothing was learned).
-- Gives 0 if the token is old, else 1, +2 if a refused event was put back instead of buried, +4 if the circuit opened,
-- +8 if the account was parked; an error MALFORMED if the events do not add up.
--@with standing
--@with parts
--@with record
--@with tally
local now, id, token, epoch = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local mode, verdict, hold_ms, hold_reason, print = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]
local reached = ARGV[10] == '1'
local most_dead = tonumber(ARGV[14])
local records_ms = tonumber(ARGV[15])
local delivered, deaths, parts = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])
local told, prints = ARGV[19], ARGV[24]
local DEATHS, DEATH = 25, 4 -- where they begin, arguments of each
local f = redis.call('HMGET', batch_key(id), 'token', 'account', 'order', 'kind', 'events', 'oldest', 'newest',
  'opened', 'attempts', 'list', 'first', 'last', 'bytes', 'due', 'far', 'tried', 'root',
  'parent', 'told')
if f[1] ~= token then
  redis.call('HINCRBY', meta, 'stale_settles', 1)
  return 0
end
local batch = { id = id, account = f[2], order = f[3] or '', kind = f[4] or '', events = tonumber(f[5]),
  oldest = f[6], newest = f[7], opened = f[8], attempts = f[9], list = f[10] or id,
  first = tonumber(f[11] or 0), last = tonumber(f[12] or f[5] - 1), bytes = tonumber(f[13]), due = tonumber(f[14]),
  far = f[15] == '1', tried = f[16], root = tonumber(f[17]), parent = f[18], told = f[19], at_head = true }

local function part_given(at)
  local part = { first = tonumber(ARGV[at]), last = tonumber(ARGV[at + 1]), bytes = tonumber(ARGV[at + 2]),
    delay = tonumber(ARGV[at + 3]) }
  if not (part.first and part.last and part.bytes and part.delay) or part.first > part.last then return nil end
  part.events = part.last - part.first + 1
  part.due = part.delay > 0 and now + part.delay or part.delay == 0 and batch.due or part.events
  part.state = part.delay > 0 and 'waiting' or 'ready'
  return part
end

local function parts_given()
  local given, events, at, free = {}, 0, DEATHS + DEATH * deaths, batch.first
  if delivered < 0 or deaths < 0 or parts < 0 then return nil end
  for _ = 1, parts do
    local part = part_given(at)
    if not part or part.first < free or part.last > batch.last then return nil end
    free, events, at = part.last + 1, events + part.events, at + 4
    given[#given + 1] = part
  end
  return delivered + deaths + events == batch.events and at == #ARGV + 1 and given or nil, events
end

local function bury(at)
  local number = next_letter()
  redis.call('HSET', letter_key(number), 'account', batch.account, 'order', batch.order, 'kind', batch.kind,
    'id', ARGV[at], 'code', ARGV[at + 1], 'event', ARGV[at + 3])
  note_letter(now, number, ARGV[at], ARGV[at + 1], batch.account, ARGV[at + 2])
end

-- The first try is forgotten with the last attempt: what was only held back does not age.
local function try_again_whole(part)
  redis.call('HSET', batch_key(id), 'state', part.state)
  redis.call('HDEL', batch_key(id), 'token')
  if told ~= '' and not batch.told then redis.call('HSET', batch_key(id), 'told', 1) end
  if verdict == 'failed' then redis.call('HSET', batch_key(id), 'sent', 1) end
  if mode == 'refund' and redis.call('HINCRBY', batch_key(id), 'attempts', -1) <= 0 then
    redis.call('HDEL', batch_key(id), 'tried')
  end
  wait(batch.account, id, part.due)
end

local given, again = parts_given()
if not given then return redis.error_reply('MALFORMED settle: the events of batch ' .. id .. ' do not add up') end

local standing, keeps, parks = standing_of(batch.account), false, false
if verdict == 'taken' then
  was_taken(batch.account, standing)
elseif verdict == 'refused' then
  batch.root = batch.root or batches_so_far()
  keeps, parks = was_refused(batch.account, standing, again == 0, batch.far, batch.root)
elseif verdict == 'limited' then
  was_limited(batch.account, standing, now, hold_ms, hold_reason)
end
local was_open, opens, requests, released_before =
  circuit_after(reached and verdict or '', id, now, tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]))
if was_open and verdict == 'failed' then mode = 'refund' end
if keeps then
  mode, delivered, deaths, again = 'refund', 0, 0, batch.events
  given = { { first = batch.first, last = batch.last, bytes = batch.bytes, events = batch.events,
    due = batch.events, state = 'ready' } }
end

local stays = #given == 1 and again == batch.events and mode ~= 'renew' -- the batch itself is sent again

-- What came of the attempt. A batch that goes back unsent is not worth a word.
local function tell()
  if records_ms == 0 or stays and told == '' then return end
  local came = '"now":' .. now .. ',"e":' .. f[5]
  if delivered > 0 then came = came .. ',"d":' .. delivered end
  if deaths > 0 then came = came .. ',"x":' .. deaths end
  if again > 0 then came = came .. ',"a":' .. again end
  keep_record(batch, ARGV[15], told, came .. (stays and '' or ending_in_words(batch, given)), batch.told)
  if not stays then keep_prints(batch, prints, ARGV[15]) end
end

local function tally_all()
  tally_attempt(ARGV[20], ARGV[21], ARGV[22], delivered, math.max(0, now - batch.opened))
  if again > 0 then tally(mode == 'refund' and 'returned' or 'retried', again) end
  if ARGV[23] ~= '0' then
    tally('waits', 1)
    tally('waited_ms', ARGV[23])
  end
  if deaths == 0 then return end
  local died = {}
  for place = 0, deaths - 1 do
    local code = ARGV[DEATHS + DEATH * place + 1]
    died[code] = (died[code] or 0) + 1
  end
  for code, events in pairs(died) do tally_died(code, events) end
end

local released = batch.bytes
for place = 0, deaths - 1 do bury(DEATHS + DEATH * place) end
redis.call('ZREM', leases_key(batch.account), id)
if stays then try_again_whole(given[1]) else replace(batch, given, epoch, mode == 'renew') end
for _, part in ipairs(given) do
  count(part.state, part.events)
  released = released - part.bytes
end
count('in_flight', -batch.events)
count('delivered', delivered)
count('dead', deaths)
if again > 0 then redis.call('HINCRBY', account_key(batch.account), 'queued', again) end
redis.call('HSET', meta, 'requests', requests - 1, 'released', released_before + released)
if batch.kind ~= '' and delivered > 0 then redis.call('HSET', latest, batch.account .. '\0' .. batch.order, now) end
if most_dead > 0 and deaths > 0 and standing.dead + deaths >= most_dead then
  hold_reason, parks = 'DeadLettersFull: the account has ' .. standing.dead + deaths .. ' dead letters', true
end
parks = (parks or verdict == 'parked') and not standing.parked
if parks then park(batch.account, now, hold_reason, print) end
schedule(batch.account, now)
book()
tell()
tally_all()
return 1 + (keeps and 2 or 0) + (opens and 4 or 0) + (parks and 8 or 0)
