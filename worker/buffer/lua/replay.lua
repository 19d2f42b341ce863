#!lua flags=allow-oom
-- Makes dead letters into sealed batches of their own, in the order keys they came from, with their first ids and times.
-- A letter that is gone (replayed or discarded by somebody else) is passed over.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', epoch, cap in events, then for each letter: its number, its bytes in the request, cap in bytes,
--       its event time (ms)
-- Gives the number of letters moved.
local now, epoch, cap_events = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local seen = {}

local function letter_at(at)
  if seen[ARGV[at]] then return nil end
  seen[ARGV[at]] = true
  local f = redis.call('HMGET', letter_key(ARGV[at]), 'account', 'order', 'kind', 'id', 'code', 'event')
  return f[1] and { number = ARGV[at], account = f[1], order = f[2], kind = f[3], id = f[4], code = f[5], event = f[6],
    bytes = tonumber(ARGV[at + 1]), cap_bytes = tonumber(ARGV[at + 2]), time = tonumber(ARGV[at + 3]) }
end

local function joins(letter, batch)
  return batch and batch.account == letter.account and batch.order == letter.order and batch.kind == letter.kind
    and #batch.letters < cap_events and batch.bytes + letter.bytes <= letter.cap_bytes
end

local function batches_of(from)
  local batches = {}
  for at = from, #ARGV, 4 do
    local letter = letter_at(at)
    local batch = batches[#batches]
    if letter and not joins(letter, batch) then
      batch = { account = letter.account, order = letter.order, kind = letter.kind, state = 'ready', bytes = 0,
        oldest = letter.time, newest = letter.time, opened = now, due = now, letters = {} }
      batches[#batches + 1] = batch
    end
    if letter then
      batch.letters[#batch.letters + 1] = letter
      batch.bytes = batch.bytes + letter.bytes
      batch.oldest, batch.newest = math.min(batch.oldest, letter.time), math.max(batch.newest, letter.time)
    end
  end
  return batches
end

local function revive(batch)
  local open = batch.order ~= '' and open_batch(batch.account, batch.order)
  if open then seal(open, now) end
  batch.events = #batch.letters
  local id = enqueue(batch, epoch)
  for _, letter in ipairs(batch.letters) do
    redis.call('RPUSH', events_key(id), letter.event)
    forget(letter.number, letter.id, letter.code, letter.account)
  end
  move('dead', 'ready', batch.events)
  redis.call('HINCRBY', account_key(batch.account), 'queued', batch.events)
  redis.call('HINCRBY', meta, 'appended', batch.bytes)
  schedule(batch.account, now)
  return batch.events
end

local moved = 0
for _, batch in ipairs(batches_of(4)) do moved = moved + revive(batch) end
book()
return moved
