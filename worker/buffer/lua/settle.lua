#!lua flags=allow-oom
-- Ends one attempt at a batch: each event delivered, dead, or to be sent again. A settle with an old token changes
-- nothing but a counter.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', batch, token, epoch, 'refund' to give the attempt back or 'renew' to begin anew
--       as another batch (else ''), delivered, dead, again,
--       for each dead: its id, its first code, the stored event (with this death in its history)
--       for each part to be sent again: first and last (places in the list), bytes, delay ms
-- Gives 1, or 0 if the token is old; an error MALFORMED if the events do not add up.
local now, id, token, epoch = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local mode = ARGV[5]
local delivered, deaths, parts = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local DEATHS = 9 -- where they begin
local f = redis.call('HMGET', batch_key(id), 'token', 'account', 'order', 'kind', 'events', 'oldest', 'newest',
  'opened', 'attempts', 'list', 'first', 'last')
if f[1] ~= token then
  redis.call('HINCRBY', meta, 'stale_settles', 1)
  return 0
end
local batch = { id = id, account = f[2], order = f[3] or '', kind = f[4] or '', events = tonumber(f[5]),
  oldest = f[6], newest = f[7], opened = f[8], attempts = f[9], list = f[10] or id,
  first = tonumber(f[11] or 0), last = tonumber(f[12] or f[5] - 1) }

local function parts_given()
  local given, events, at, free = {}, 0, DEATHS + 3 * deaths, batch.first
  if delivered < 0 or deaths < 0 or parts < 0 then return nil end
  for _ = 1, parts do
    local part = { first = tonumber(ARGV[at]), last = tonumber(ARGV[at + 1]), bytes = tonumber(ARGV[at + 2]),
      due = tonumber(ARGV[at + 3]) }
    if not (part.first and part.last and part.bytes and part.due) then return nil end
    if part.first < free or part.last > batch.last or part.first > part.last then return nil end
    part.due, free = now + part.due, part.last + 1
    part.events = part.last - part.first + 1
    events, at = events + part.events, at + 4
    given[#given + 1] = part
  end
  return delivered + deaths + events == batch.events and at == #ARGV + 1 and given or nil, events
end

local function bury(at)
  local number = next_letter()
  redis.call('HSET', letter_key(number), 'account', batch.account, 'order', batch.order, 'kind', batch.kind,
    'id', ARGV[at], 'code', ARGV[at + 1], 'event', ARGV[at + 2])
  note_letter(now, number, ARGV[at], ARGV[at + 1], batch.account)
end

local function try_again_whole(part)
  redis.call('HSET', batch_key(id), 'state', 'waiting')
  redis.call('HDEL', batch_key(id), 'token')
  if mode == 'refund' then redis.call('HINCRBY', batch_key(id), 'attempts', -1) end
  wait(batch.account, id, part.due)
end

-- A part is a batch of its own that shares the list of events; it keeps the attempts spent so far.
local function part_batch(part)
  local part_id = redis.call('HINCRBY', meta, 'batches', 1) .. '-' .. epoch
  redis.call('HSET', batch_key(part_id), 'account', batch.account, 'order', batch.order, 'kind', batch.kind,
    'events', part.events, 'bytes', part.bytes, 'oldest', batch.oldest, 'newest', batch.newest,
    'opened', batch.opened, 'due', part.due, 'state', 'waiting',
    'attempts', mode == 'renew' and 0 or batch.attempts,
    'list', batch.list, 'first', part.first, 'last', part.last)
  born(batch.opened)
  return part_id
end

local function release_list(new_owners)
  local owners = tonumber(redis.call('GET', owners_key(batch.list)) or 1) - 1 + new_owners
  if owners == 0 then
    redis.call('UNLINK', events_key(batch.list), owners_key(batch.list))
  elseif owners ~= 1 or new_owners == 0 then
    redis.call('SET', owners_key(batch.list), owners)
  end
end

-- The batch goes; its parts take its place at the head of the order key, or else the next batch steps forward.
local function replace(given)
  redis.call('UNLINK', batch_key(id))
  gone(batch.opened)
  release_list(#given)
  local order = batch.order ~= '' and order_key(batch.account, batch.order)
  if order then redis.call('LREM', order, 1, id) end
  for place = #given, 1, -1 do
    local part_id = part_batch(given[place])
    if order then
      redis.call('LPUSH', order, part_id)
    else
      wait(batch.account, part_id, given[place].due)
    end
  end
  local head = order and redis.call('LINDEX', order, 0)
  if head then wait(batch.account, head, redis.call('HGET', batch_key(head), 'due')) end
end

local given, again = parts_given()
if not given then return redis.error_reply('MALFORMED settle: the events of batch ' .. id .. ' do not add up') end
for place = 0, deaths - 1 do bury(DEATHS + 3 * place) end
redis.call('ZREM', leases_key(batch.account), id)
if #given == 1 and again == batch.events and mode ~= 'renew' then try_again_whole(given[1]) else replace(given) end
count('in_flight', -batch.events)
count('delivered', delivered)
count('dead', deaths)
count('waiting', again)
redis.call('HINCRBY', account_key(batch.account), 'queued', again)
redis.call('HINCRBY', meta, 'requests', -1)
if batch.kind ~= '' and delivered > 0 then redis.call('HSET', latest, batch.account .. '\0' .. batch.order, now) end
schedule(batch.account, now)
book()
return 1
