#!lua flags=allow-oom
-- Makes dead letters into sealed batches of their own, in the order keys they came from, with their first ids and times;
-- and notes in the same step how far the replay has come that asks for it. A letter that is gone (replayed or discarded
-- by somebody else) is passed over. Whoever is not where the replay stands, or comes when it does not run, changes nothing.
--
-- A replay goes over its letters once, by their numbers. What cannot be moved for a while (the account is limited, or its
-- replayed batch waits for another attempt) is set aside, with all that follows of the account, and looked at again
-- afterwards, pass by pass. Of an account at most `most` replayed batches are on their way, of the slot `most_in_all`: if
-- there is no room the call ends there. An account that is held until it is resumed has room for any number.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', epoch, cap in events, window of the ids (s; 0: none is noted),
--       replay or '', where it must stand, 1 if no letter of this pass comes behind these, where it
--       stands when all of these are dealt with ('': at the last of them), most, most_in_all (0: any),
--       then for each letter: its place (when it died : number), what is to become of it (move, withhold, undecided),
--       SHA-1 of its order key, kind and event as it is sent (with NUL
--       between), its bytes in the request, cap in bytes, its event time, from when on it is too old
--       (ms; 0: never), print of its id (8 bytes, or '')
-- Gives {how it ended, moved, withheld, undecided, expired, set aside, where the replay stands now}. It ends: all (were
--       dealt with), full, changed (a letter is not as it was read), over (the replay), or stale (it stands elsewhere or
--       does not run).
--@with outstanding
local now, epoch, cap_events, window = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local replay, stands, is_last = ARGV[5], ARGV[6], ARGV[7] == '1'
local through, most, most_in_all = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local HEAD, EACH = 10, 8
local told = replay ~= '' and redis.call('HMGET', base .. 'replay:' .. replay, 'state', 'at', 'round', 'limit', 'moved',
  'withheld', 'rate', 'next') or {}
if replay ~= '' and (told[1] ~= 'running' or told[2] ~= stands) then return { 'stale', 0, 0, 0, 0, 0, '' } end
local pass, left = tonumber(told[3] or 1), math.huge
if tonumber(told[4] or 0) > 0 then left = told[4] - told[5] - told[6] end
local generations = window > 0 and generations_at(now, window, redis.call('HGET', meta, 'noted:' .. window)) or {}
local road = most > 0 and outstanding(now, most, most_in_all)
if road and barred() > now then return { 'full', 0, 0, 0, 0, 0, stands } end

local function letter_at(at)
  local number = string.match(ARGV[at], ':(%d+)$')
  local f = redis.call('HMGET', letter_key(number), 'account', 'order', 'kind', 'id', 'code', 'event')
  return f[1] and { place = ARGV[at], number = number, account = f[1], order = f[2], kind = f[3], id = f[4], code = f[5],
    event = f[6], fate = ARGV[at + 1], digest = ARGV[at + 2], bytes = tonumber(ARGV[at + 3]),
    cap_bytes = tonumber(ARGV[at + 4]), time = tonumber(ARGV[at + 5]), expires = tonumber(ARGV[at + 6]),
    print = ARGV[at + 7] }
end

local function is_as_read(letter)
  local spelled = letter.order .. '\0' .. letter.kind .. '\0' .. string.sub(letter.event, 1 - letter.bytes)
  return redis.sha1hex(spelled) == letter.digest
end

local batches, last_of = {}, {} -- of this call; the last of each order key

local function joins(letter, batch)
  return batch and batch.kind == letter.kind and #batch.letters < cap_events
    and batch.bytes + letter.bytes <= letter.cap_bytes
end

local function join(letter, batch)
  batch.letters[#batch.letters + 1] = letter
  batch.bytes = batch.bytes + letter.bytes
  batch.oldest, batch.newest = math.min(batch.oldest, letter.time), math.max(batch.newest, letter.time)
end

-- Gives 'moved', or where there is no room for another batch 'full' or 'aside'.
local function add(letter)
  local key = #letter.account .. ':' .. letter.account .. letter.order
  if not joins(letter, last_of[key]) then
    local room = road and road.room(letter.account, replay, pass) or 'free'
    if room == 'full' or room == 'aside' then return room end
    last_of[key] = { account = letter.account, order = letter.order, kind = letter.kind, state = 'ready', bytes = 0,
      oldest = letter.time, newest = letter.time, opened = now, due = now, letters = {}, noted = room == 'noted' }
    batches[#batches + 1] = last_of[key]
  end
  join(letter, last_of[key])
  return 'moved'
end

local function dealt_with(letter)
  if replay ~= '' and letter.expires > 0 and letter.expires <= now then return 'expired' end
  if letter.fate == 'move' then return add(letter) end
  if letter.fate == 'withhold' then
    forget(letter.number, letter.id, letter.code, letter.account)
    move('dead', 'discarded', 1)
    return 'withheld'
  end
  return 'undecided'
end

local counts = { moved = 0, withheld = 0, undecided = 0, expired = 0, aside = 0, gone = 0 }
local unclear, seen = {}, {}
local aside = base .. 'aside:' .. replay

-- Of the letters of a pass over what was set aside: whether it is still among them. In the first pass all are.
local function note_fate(letter, fate)
  counts[fate] = counts[fate] + 1
  if fate == 'aside' and pass == 0 then redis.call('ZADD', aside, letter.number, letter.place) end
  if fate ~= 'aside' and pass > 0 and replay ~= '' then redis.call('ZREM', aside, letter.place) end
  if fate == 'undecided' then unclear[#unclear + 1] = letter.number end
end

local function walk()
  for at = HEAD + 1, #ARGV, EACH do
    local letter = not seen[ARGV[at]] and letter_at(at)
    local fate = 'gone'
    if letter then
      if left <= counts.moved + counts.withheld then return 'over' end
      if not is_as_read(letter) then return 'changed' end
      fate = dealt_with(letter)
      if fate == 'full' then return 'full' end
    end
    seen[ARGV[at]], stands = true, ARGV[at]
    note_fate(letter or { place = ARGV[at] }, fate)
  end
  return left <= counts.moved + counts.withheld and 'over' or 'all'
end

local function revive(batch)
  local open = batch.order ~= '' and open_batch(batch.account, batch.order)
  if open then seal(open, now) end
  batch.events = #batch.letters
  local id = enqueue(batch, epoch)
  local events = {}
  for place, letter in ipairs(batch.letters) do
    events[place] = letter.event
    renote(generations, letter.print, id)
  end
  redis.call('RPUSH', events_key(id), unpack(events))
  forget_all(batch.letters)
  if batch.noted then redis.call('HSET', base .. 'replaying', id, batch.account) end
  move('dead', 'ready', batch.events)
  redis.call('HINCRBY', account_key(batch.account), 'queued', batch.events)
  redis.call('HINCRBY', meta, 'appended', batch.bytes)
  schedule(batch.account, now)
end

-- Of its rate at most a second's worth may be caught up with, and no more than a call takes. When the next letter may go
-- is kept (ms): a runner that begins anew has no more than that.
local MOST = 500
local function next_at(gone)
  local rate = tonumber(told[7] or 0)
  if rate <= 0 or gone == 0 then return nil end
  local caught_up = 1000 * math.max(1, math.min(MOST, rate)) / rate
  return string.format('%.3f', math.max(tonumber(told[8] or 0), now - caught_up) + 1000 * gone / rate)
end

local UNCLEAR = 100 -- so many of the letters that nobody decided on are named
local function note_progress(ended)
  local key = base .. 'replay:' .. replay
  for _, name in ipairs({ 'moved', 'withheld', 'undecided', 'expired', 'gone' }) do
    if counts[name] > 0 then redis.call('HINCRBY', key, name, counts[name]) end
  end
  if #unclear > 0 then
    local known = redis.call('HGET', key, 'unclear')
    if known then table.insert(unclear, 1, known) end
    redis.call('HSET', key, 'unclear', string.sub(table.concat(unclear, ' '), 1, 13 * UNCLEAR - 1))
  end
  local later = next_at(counts.moved + counts.withheld)
  if later then redis.call('HSET', key, 'next', later) end
  if ended == 'all' and through ~= '' then stands = through end
  if ended == 'all' and is_last then
    if redis.call('EXISTS', aside) == 0 then
      ended = 'over'
    else
      stands = pass + 1 .. '/'
      redis.call('HSET', key, 'round', pass + 1)
    end
  end
  redis.call('HSET', key, 'at', stands)
  if ended == 'over' then end_replay(replay, 'done', now) end
  return ended
end

local ended = walk()
for _, batch in ipairs(batches) do revive(batch) end
if replay ~= '' then ended = note_progress(ended) end
book()
return { ended, counts.moved, counts.withheld, counts.undecided, counts.expired, counts.aside, stands }
