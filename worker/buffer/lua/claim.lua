#!lua flags=allow-oom
-- Gives a worker the right to batches that are due, for the time of a lease: the only gate on the way to Rokt. Walks the
-- accounts that are due in turn, a batch each, so that no backlog of one is felt by another. Seals what was open.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', token, lease ms, most batches, most batches of an account in flight, ms between two requests of an
--       account (0: any), 1 if the last two are for all accounts of the slot together
-- Gives {when something may next be claimed (ms) or -1, now, batch …}; a batch is
--       {id, account, order, kind, list, first, last, events, bytes, oldest, newest, attempts, opened, ms since it was
--       first tried, 1 if it is the probe of an open circuit, 1 if it was sent and its answer is not known}
local now, token, lease = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])
-- As texts, since a number is spelled anew for each command that it goes into.
local now_text, lapse_text = string.format('%d', now), string.format('%d', now + lease)
local most, most_an_account = tonumber(ARGV[4]), tonumber(ARGV[5])
local spacing, together = tonumber(ARGV[6]), ARGV[7] == '1'
local LOOK_AGAIN = 100 -- ms after which a slot that is full as a whole is looked at again
local CATCH_UP = 20 -- ms that a late claim may make up for, so that lateness does not lower the rate
local FAR_LOOKS = { 1, 2, 4 } -- see standing.lua

-- What stands of the slot as a whole. Of an open circuit whose time is over exactly one batch is claimed: the probe. Its
-- lease bars the next one.
local slot = redis.call('HMGET', meta, 'paused', 'circuit_until', 'requests', 'next_at')
local circuit_is_open, bar = not slot[1] and slot[2], slot[1] and FOREVER or tonumber(slot[2] or 0)
local requests, slot_next_at = tonumber(slot[3] or 0), tonumber(slot[4] or 0)
if bar > now then most = 0 end
if circuit_is_open then most = math.min(most, 1) end

local began = 0 -- batches that were not in flight before

-- The account's sets and its hash are written once, by `note_taken`. A batch that was open is sealed here: it stands in the
-- set of those that are due already, or it would not have been found.
local function take(account, id, lapsed)
  local key = batch_key(id)
  local f = redis.call('HMGET', key, 'order', 'kind', 'events', 'bytes', 'oldest', 'newest', 'opened', 'state', 'list',
    'attempts')
  local order, events = f[1] or '', tonumber(f[3])
  -- What neither was claimed before nor is a part of another has no more than that: each field that is asked for costs.
  local more = (f[9] or f[10]) and redis.call('HMGET', key, 'first', 'last', 'tried', 'sent', 'far') or {}
  local attempts, tried = tonumber(f[10] or 0) + 1, tonumber(more[3] or now)
  local fields = { 'state', 'in_flight', 'token', token, 'attempts', attempts == 1 and '1' or attempts, 'tried',
    more[3] or now_text }
  -- nearly never told, but what an earlier claim said of it must not pass for this one
  if account.far or more[5] == '1' then fields[9], fields[10] = 'far', account.far and 1 or 0 end
  if not lapsed then
    if not f[8] then
      fields[#fields + 1], fields[#fields + 2] = 'due', now_text
      account.was_open = account.was_open or order == ''
    end
    move(f[8] or 'open', 'in_flight', events)
    account.began = account.began + events
    account.taken[#account.taken + 1] = id
    began = began + 1
  end
  redis.call('HSET', key, unpack(fields))
  local leases = account.leases
  leases[#leases + 1], leases[#leases + 2] = lapse_text, id
  return { id, account.name, order, f[2] or '', f[9] or id, tonumber(more[1] or 0), tonumber(more[2] or events - 1), events,
    f[4], f[5], f[6], attempts, f[7], now - tried, circuit_is_open and 1 or 0, tonumber(more[4] or 0) }
end

-- How many requests an account may have in flight: see standing.lua.
local function most_of(careful, suspected)
  if suspected then return 1 end
  return math.max(1, math.floor(most_an_account * (1 - careful / SLOWLY)))
end

-- What bars an account, read once a claim.
local function bars_of(name)
  local f = redis.call('HMGET', account_key(name), 'hold_until', 'parked', 'paused', 'careful', 'refused', 'far', 'suspected',
    'next_at')
  local is_held = f[2] or f[3] or tonumber(f[1] or 0) > now
  if f[1] and not is_held then
    redis.call('HDEL', account_key(name), 'hold_until', 'hold_reason')
    redis.call('ZREM', held, name)
  end
  local looks = FAR_LOOKS[math.min(tonumber(f[5] or 0), #FAR_LOOKS)] or 0
  return { name = name, held = is_held, most = most_of(tonumber(f[4] or 0), f[7]), far = tonumber(f[6] or 0) < looks,
    next_at = tonumber(f[8] or 0), began = 0, taken = {}, leases = {} }
end

-- What is in flight of it, and what of that has lapsed.
local function look_at_leases(account)
  local key = leases_key(account.name)
  account.flying, account.lapse, account.lapsed = redis.call('ZCARD', key), nil, {}
  if account.flying == 0 then return end
  account.lapse = earliest(key)
  if account.lapse <= now then account.lapsed = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, most) end
end

local function account_is_full(account) return account.flying + #account.taken >= account.most end
local function slot_is_full() return together and requests + began >= most_an_account end

-- The rate: requests are spaced evenly. Its next free place stands with the account, or with the slot for all of them.
local function next_place(account)
  if spacing == 0 then return 0 end
  return together and slot_next_at or account.next_at
end
local function take_place(account)
  if spacing == 0 then return end
  local place = math.max(next_place(account), now - CATCH_UP) + spacing
  if together then slot_next_at = place else account.next_at, account.spaced = place, true end
end

-- The next batch that is due, and when: some are read at a time, with the one behind them. Looking far: the one that is due
-- last. They leave the set when all are taken, so those that were taken are passed over.
local some = 8
local function next_due_of(account)
  local at = #account.taken
  local due = account.due
  if not due or at >= due.to and due.more then
    local key = due_key(account.name)
    local found = account.far and redis.call('ZREVRANGEBYSCORE', key, now, '-inf', 'WITHSCORES', 'LIMIT', at, some)
      or redis.call('ZRANGE', key, at, at + some - 1, 'WITHSCORES')
    due = { from = at, to = at + #found / 2, more = #found == 2 * some, found = found }
    account.due = due
  end
  if at >= due.to then return nil end
  return due.found[2 * (at - due.from) + 1], tonumber(due.found[2 * (at - due.from) + 2])
end
local function fresh_of(account)
  if slot_is_full() or account_is_full(account) then return nil end
  local id, due = next_due_of(account)
  return id and due <= now and id
end

-- A batch whose lease is over is one of those in flight already, so it goes first and even if the account is full. But
-- as a probe it comes last: it may have killed its worker.
local function next_of(account)
  if next_place(account) > now then return nil end
  local lapsed = account.lapsed[1]
  local fresh = (circuit_is_open or not lapsed) and fresh_of(account)
  if not (fresh or lapsed) then return nil end
  take_place(account)
  if fresh then return take(account, fresh, false) end
  table.remove(account.lapsed, 1)
  return take(account, lapsed, true)
end

local claimed = {}

-- A batch an account, again and again, until nobody has more or there are enough.
local function serve(turn)
  while #turn > 0 and #claimed < most do
    local still = {}
    for _, account in ipairs(turn) do
      local batch = #claimed < most and next_of(account)
      if batch then
        claimed[#claimed + 1] = batch
        still[#still + 1] = account
      end
    end
    turn = still
  end
end

local SLICE = 1000
local function note_taken(account)
  local taken, leases, key = account.taken, account.leases, account_key(account.name)
  for from = 1, #taken, SLICE do
    redis.call('ZREM', due_key(account.name), unpack(taken, from, math.min(from + SLICE - 1, #taken)))
  end
  for from = 1, #leases, SLICE do
    redis.call('ZADD', leases_key(account.name), unpack(leases, from, math.min(from + SLICE - 1, #leases)))
  end
  if #taken > 0 then redis.call('HINCRBY', key, 'queued', -account.began) end
  if account.was_open then redis.call('HDEL', key, 'open') end
  if account.spaced then redis.call('HSET', key, 'next_at', account.next_at) end
end

-- As `schedule` does for an account that was served, without reading again what is known.
local function to_the_end_of_the_line(account)
  local full = account_is_full(account)
  if account.held or account.far or #account.leases > 2 * #account.taken or #account.lapsed > 0 then
    note_taken(account)
    return schedule(account.name, now, true, full)
  end
  local lapse, due, _ = account.lapse or #account.taken > 0 and now + lease, nil, nil
  if not full then _, due = next_due_of(account) end
  note_taken(account)
  if not due and not lapse then return redis.call('ZREM', accounts, account.name) end
  local at = math.max(math.min(due or lapse, lapse or due), account.next_at, now)
  redis.call('ZADD', accounts, at, account.name)
end

-- Accounts that are due but have nothing to give (held, full) leave the line, and the next ones are looked at.
local PAGES = 16
for _ = 1, most > 0 and PAGES or 0 do
  local found = redis.call('ZRANGEBYSCORE', accounts, '-inf', now, 'LIMIT', 0, most)
  local turn, seen = {}, {}
  for place, name in ipairs(found) do
    seen[place] = bars_of(name)
    look_at_leases(seen[place])
    if not seen[place].held then turn[#turn + 1] = seen[place] end
  end
  some = math.ceil(most / math.max(1, #turn)) + 1 -- their even share, and the one behind it
  serve(turn)
  for _, account in ipairs(seen) do to_the_end_of_the_line(account) end
  if #found < most or #claimed >= most or together then break end
end
book()
if #claimed > 0 then
  local noted = { 'claimed_at', now, 'requests', requests + began }
  if together and spacing > 0 then noted[5], noted[6] = 'next_at', slot_next_at end
  if circuit_is_open then
    bar = now + lease
    redis.call('HSET', meta, 'circuit_until', bar, 'probe', claimed[1][1])
  end
  redis.call('HSET', meta, unpack(noted))
end
local first = redis.call('ZRANGE', accounts, 0, 0, 'WITHSCORES')
local next_due = math.max(tonumber(first[2] or -1), bar)
if not first[2] or next_due >= FOREVER then next_due = -1 end
if together and next_due >= 0 then
  local place = spacing > 0 and slot_next_at or 0
  next_due = math.max(next_due, place, slot_is_full() and now + LOOK_AGAIN or 0)
end
return { next_due, now, unpack(claimed) }
