#!lua flags=allow-oom
-- Ends attempts at batches, each as if it had come alone, one after the other: each event delivered, dead, or to be sent
-- again. Everything is read and checked before the first write; one that is malformed, or has an old token, changes
-- nothing (but a counter) and spoils no other. What many have in common is read and written once a call.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', epoch, failures that open the circuit, its first and its longest delay (ms), most dead letters of an
--       account (0: any), how long records are kept (ms; 0: there are none), then for each settlement:
--       batch, token, delivered, what the record says of the attempt (JSON; '': nothing), the field by which its request
--       is counted ('': there was none), ms of the request, events in it, ms that it waited for its place in the rate,
--       how many arguments follow: 0 where all of the batch was delivered and the verdict is `taken`; else, so many:
--         'refund' to give the attempt back or 'renew' to begin anew as another batch (else ''), verdict, hold ms, reason
--         of the hold, print of the credentials, 1 if the API was reached, the prints of the batch's events (8 bytes each,
--         or '': not needed), dead, again,
--         for each dead: its id, its first code, its event time (ms), the stored event (with this death in its history)
--         for each part to be sent again: first and last (places in the list), bytes, delay ms (0: it keeps its place, or
--         -1: the smallest first)
-- The verdict: taken, refused (for its content), limited, parked (credentials refused), answered (by the API, no more is
-- known), failed (no sign of the API), or '' (nothing was learned).
-- Gives for each 0 if the token is old, else 1, +2 if a refused event was put back instead of buried, +4 if the circuit
-- opened, +8 if the account was parked; a text MALFORMED … if its events do not add up,
-- or its batch is damaged.
--@with standing
--@with parts
--@with record
--@with tally
--@with leaving
local now, epoch = clock(ARGV[1]), ARGV[2]
local now_text = string.format('%d', now) -- for what names it often: a number is spelled anew each time
local bounds = { failures = tonumber(ARGV[3]), first_ms = tonumber(ARGV[4]), longest_ms = tonumber(ARGV[5]),
  most_dead = tonumber(ARGV[6]), records_ms = tonumber(ARGV[7]) }
local FIRST, HEAD, MORE, DEATH, PART = 8, 9, 9, 4, 4 -- where settlements begin, arguments of each and of what is in them

-- The batch of a settlement; nil if its token is old. What is asked of one that was delivered is not all there is of it:
-- in a hash of this size each field is searched for.
local function batch_of(id, token)
  local f = redis.call('HMGET', batch_key(id), 'token', 'account', 'order', 'kind', 'events', 'bytes', 'opened', 'list',
    'told')
  if f[1] ~= token then return nil end
  return { id = id, account = f[2], order = f[3] or '', kind = f[4] or '', events = tonumber(f[5]), bytes = tonumber(f[6]),
    opened = f[7], list = f[8] or id, parent = f[8] and redis.call('HGET', batch_key(id), 'parent'), told = f[9],
    at_head = true, damaged = false, spelled = f[5] }
end
-- What is to be written of it later, and would fail in the midst of all.
local function is_damaged(batch)
  return not (batch.account and batch.events and batch.bytes and tonumber(batch.opened))
end
local function has_more_damaged(batch)
  return not (batch.first and batch.last and tonumber(batch.oldest) and tonumber(batch.newest) and tonumber(batch.attempts))
end
local function read_more(batch)
  local f = redis.call('HMGET', batch_key(batch.id), 'first', 'last', 'due', 'far', 'root', 'oldest', 'newest', 'attempts',
    'tried')
  batch.first, batch.last, batch.due = tonumber(f[1] or 0), tonumber(f[2] or batch.events - 1), tonumber(f[3])
  batch.far, batch.root = f[4] == '1', tonumber(f[5])
  batch.oldest, batch.newest, batch.attempts, batch.tried = f[6], f[7], f[8], f[9]
  batch.damaged = has_more_damaged(batch)
end

local function part_given(batch, at)
  local part = { first = tonumber(ARGV[at]), last = tonumber(ARGV[at + 1]), bytes = tonumber(ARGV[at + 2]),
    delay = tonumber(ARGV[at + 3]) }
  if not (part.first and part.last and part.bytes and part.delay) or part.first > part.last then return nil end
  part.events = part.last - part.first + 1
  part.due = part.delay > 0 and now + part.delay or part.delay == 0 and batch.due or part.events
  part.state = part.delay > 0 and 'waiting' or 'ready'
  return part
end

-- The parts to be sent again and their events; nil where they do not fit into the batch.
local function parts_given(batch, at, parts)
  local given, events, free = {}, 0, batch.first
  for _ = 1, parts do
    local part = part_given(batch, at)
    if not part or part.first < free or part.last > batch.last then return nil end
    free, events, at = part.last + 1, events + part.events, at + PART
    given[#given + 1] = part
  end
  return given, events
end

local NONE = {}
-- What is told of an attempt, checked; nil where it does not add up.
local function told_at(at, more, batch)
  local it = { batch = batch, delivered = tonumber(ARGV[at + 2]), told = ARGV[at + 3], request = ARGV[at + 4],
    ms = tonumber(ARGV[at + 5]), sent = tonumber(ARGV[at + 6]), waited = tonumber(ARGV[at + 7]), mode = '',
    verdict = 'taken', reached = true, prints = '', deaths = 0, given = NONE, again = 0, place = 0 }
  batch.damaged = is_damaged(batch)
  if batch.damaged or not (it.delivered and it.ms and it.sent and it.waited) then return nil end
  if more == 0 then return it.delivered == batch.events and it or nil end
  read_more(batch)
  if batch.damaged then return nil end
  at = at + HEAD
  it.mode, it.verdict, it.hold_ms, it.reason, it.print = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4]
  it.reached, it.prints, it.deaths = ARGV[at + 5] == '1', ARGV[at + 6], tonumber(ARGV[at + 7])
  local parts = tonumber(ARGV[at + 8])
  if not (it.hold_ms and it.deaths and parts) or it.delivered < 0 or it.deaths < 0 or parts < 0 then return nil end
  if MORE + DEATH * it.deaths + PART * parts ~= more then return nil end
  it.died = at + MORE
  for place = 0, it.deaths - 1 do
    if not tonumber(ARGV[it.died + DEATH * place + 2]) then return nil end
  end
  it.given, it.again = parts_given(batch, it.died + DEATH * it.deaths, parts)
  return it.given and it.delivered + it.deaths + it.again == batch.events and it or nil
end

local outcomes, ended, stale = {}, {}, 0

-- Reads and checks all. Of two settlements of one batch the second has an old token.
local function read_all()
  local at, seen = FIRST, {}
  while at <= #ARGV do
    local more = tonumber(ARGV[at + HEAD - 1])
    if not more or more < 0 or at + HEAD + more - 1 > #ARGV then return nil end
    local id = ARGV[at]
    local batch, place = not seen[id] and batch_of(id, ARGV[at + 1]), #outcomes + 1
    local it = batch and told_at(at, more, batch)
    if it then
      it.place, seen[id], ended[#ended + 1] = place, true, it
    elseif not batch then
      stale = stale + 1
    end
    outcomes[place] = batch and (batch.damaged and 'MALFORMED settle: what Redis has of batch ' .. id .. ' is damaged'
      or 'MALFORMED settle: the events of batch ' .. id .. ' do not add up') or 0
    at = at + HEAD + more
  end
  return true
end

local function bury(batch, at)
  local number = next_letter()
  redis.call('HSET', letter_key(number), 'account', batch.account, 'order', batch.order, 'kind', batch.kind,
    'id', ARGV[at], 'code', ARGV[at + 1], 'event', ARGV[at + 3])
  note_letter(now, number, ARGV[at], ARGV[at + 1], batch.account, ARGV[at + 2])
end

-- The first try is forgotten with the last attempt: what was only held back does not age.
local function try_again_whole(it, part)
  local id, batch = it.batch.id, it.batch
  redis.call('HSET', batch_key(id), 'state', part.state)
  redis.call('HDEL', batch_key(id), 'token')
  if it.told ~= '' and not batch.told then redis.call('HSET', batch_key(id), 'told', 1) end
  if it.verdict == 'failed' then redis.call('HSET', batch_key(id), 'sent', 1) end
  if it.mode == 'refund' and redis.call('HINCRBY', batch_key(id), 'attempts', -1) <= 0 then
    redis.call('HDEL', batch_key(id), 'tried')
  end
  wait(batch.account, id, part.due)
end

-- What came of the attempt. A batch that goes back unsent is not worth a word.
local function tell(it, stays)
  if bounds.records_ms == 0 or stays and it.told == '' then return end
  local batch, delivered, died, again = it.batch, '', '', ''
  if it.delivered > 0 then
    delivered = ',"d":' .. (it.delivered == batch.events and batch.spelled or it.delivered)
  end
  if it.deaths > 0 then died = ',"x":' .. it.deaths end
  if it.again > 0 then again = ',"a":' .. it.again end
  local came = '"now":' .. now_text .. ',"e":' .. batch.spelled .. delivered .. died .. again
    .. (stays and '' or ending_in_words(batch, it.given))
  keep_record(batch, ARGV[7], it.told, came, batch.told)
  if not stays then keep_prints(batch, it.prints, ARGV[7]) end
end

local function tally_all(it)
  tally_attempt(it.request, it.ms, it.sent, it.delivered, math.max(0, now - it.batch.opened))
  if it.again > 0 then tally(it.mode == 'refund' and 'returned' or 'retried', it.again) end
  if it.waited > 0 then
    tally('waits', 1)
    tally('waited_ms', it.waited)
  end
  if it.deaths == 0 then return end
  local died = {}
  for place = 0, it.deaths - 1 do
    local code = ARGV[it.died + DEATH * place + 1]
    died[code] = (died[code] or 0) + 1
  end
  for code, events in pairs(died) do tally_died(code, events) end
end

-- What the verdict says of the account and of the circuit. Gives what to add to the answer, and whether to park.
local function learned(it, standing)
  local batch, keeps, parks = it.batch, false, false
  if it.verdict == 'taken' then
    was_taken(batch.account, standing)
  elseif it.verdict == 'refused' then
    batch.root = batch.root or batches_so_far()
    keeps, parks = was_refused(batch.account, standing, it.again == 0, batch.far, batch.root)
  elseif it.verdict == 'limited' then
    was_limited(batch.account, standing, now, it.hold_ms, it.reason)
  end
  local was_open, opens = circuit_after(it.reached and it.verdict or '', batch.id, now, bounds)
  if was_open and it.verdict == 'failed' then it.mode = 'refund' end
  if keeps then
    it.mode, it.delivered, it.deaths, it.again = 'refund', 0, 0, batch.events
    it.given = { { first = batch.first, last = batch.last, bytes = batch.bytes, events = batch.events,
      due = batch.events, state = 'ready' } }
  end
  return (keeps and 2 or 0) + (opens and 4 or 0), parks
end

local function settle(it, standing)
  local batch, delivered = it.batch, it.delivered
  local learnt, parks = learned(it, standing)
  delivered = it.delivered
  local stays = #it.given == 1 and it.again == batch.events and it.mode ~= 'renew' -- the batch itself is sent again
  local released = batch.bytes
  for place = 0, it.deaths - 1 do bury(batch, it.died + DEATH * place) end
  no_lease(batch)
  if stays then
    try_again_whole(it, it.given[1])
  elseif #it.given == 0 and batch.list == batch.id then
    leave(batch)
  else
    replace(batch, it.given, epoch, it.mode == 'renew')
  end
  for _, part in ipairs(it.given) do
    count(part.state, part.events)
    released = released - part.bytes
  end
  count('in_flight', -batch.events)
  count('delivered', delivered)
  count('dead', it.deaths)
  if it.again > 0 then redis.call('HINCRBY', account_key(batch.account), 'queued', it.again) end
  in_all.released = in_all.released + released
  if batch.kind ~= '' and delivered > 0 then note_latest(batch) end
  standing.dead = standing.dead + it.deaths
  if bounds.most_dead > 0 and it.deaths > 0 and standing.dead >= bounds.most_dead then
    it.reason, parks = 'DeadLettersFull: the account has ' .. standing.dead .. ' dead letters', true
  end
  parks = (parks or it.verdict == 'parked') and not standing.parked
  if parks then
    park(batch.account, now, it.reason, it.print)
    standing.parked = it.reason
  end
  tell(it, stays)
  tally_all(it)
  return 1 + learnt + (parks and 8 or 0)
end

if not read_all() then return redis.error_reply('MALFORMED settle: its arguments do not add up') end
if stale > 0 then redis.call('HINCRBY', meta, 'stale_settles', stale) end
if #ended == 0 then return outcomes end
read_in_all()
for _, it in ipairs(ended) do outcomes[it.place] = settle(it, standing_of(it.batch.account)) end
redis.call('HSET', meta, 'requests', in_all.requests - #ended, 'released', in_all.released)
all_gone(now)
book()
book_tallies()
return outcomes
