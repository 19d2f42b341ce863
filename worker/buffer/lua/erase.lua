#!lua flags=allow-oom
-- Takes events out of a batch that is not in flight: they are discarded, and their text is blanked. What stays becomes
-- parts that keep its attempts, its times and its place in the line; if nothing stays the batch goes. An open batch is
-- sealed first; what it was given since it was read stays.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', epoch, batch, the list it shares or is, how long records are kept (ms; 0: there are none), the prints of its
--       events (8 bytes each; zeros for those to be taken out), then for each run of neighbours to be taken out, in order:
--       bytes of what stays between it and the run before, its first and last place in the list, its bytes, the SHA-1
--       of its stored events put together
-- Gives the number of events taken out; 0, and nothing is changed, if the batch is in flight, gone or not as it was read.
--@with parts
--@with record
local now, epoch, id, list = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local records_ms, prints = tonumber(ARGV[5]), ARGV[6]
local RUNS, RUN = 7, 5
local f = redis.call('HMGET', batch_key(id), 'account', 'order', 'kind', 'events', 'bytes', 'oldest', 'newest', 'opened',
  'due', 'state', 'list', 'first', 'last', 'attempts', 'tried', 'root',
  'parent')
if not f[1] or f[10] == 'in_flight' or (f[11] or id) ~= list then return 0 end
local batch = { id = id, account = f[1], order = f[2] or '', kind = f[3] or '', events = tonumber(f[4]),
  bytes = tonumber(f[5]), oldest = f[6], newest = f[7], opened = f[8], due = tonumber(f[9]), state = f[10] or 'open',
  list = list, first = tonumber(f[12] or 0), last = tonumber(f[13] or f[4] - 1), attempts = f[14], tried = f[15],
  root = tonumber(f[16]), parent = f[17] }

local parts, runs, erased, erased_bytes = {}, {}, 0, 0

-- Gives whether the bytes are those of at least one event, or of none.
local function keep(first, last, bytes)
  if first > last then return bytes == 0 end
  parts[#parts + 1] = { first = first, last = last, events = last - first + 1, bytes = bytes }
  return bytes > 0
end

local function is_as_read(run)
  local stored = redis.call('LRANGE', events_key(list), run.first, run.last)
  return #stored == run.events and redis.sha1hex(table.concat(stored)) == run.digest
end

-- Gives nil where the runs do not fit into the batch.
local function take_apart()
  local free, left = batch.first, batch.bytes
  for at = RUNS, #ARGV, RUN do
    local kept, bytes = tonumber(ARGV[at]), tonumber(ARGV[at + 3])
    local run = { first = tonumber(ARGV[at + 1]), last = tonumber(ARGV[at + 2]), digest = ARGV[at + 4] }
    run.events = run.last - run.first + 1
    if run.first < free or run.events < 1 or run.last > batch.last or not is_as_read(run) then return nil end
    if not keep(free, run.first - 1, kept) then return nil end
    runs[#runs + 1] = run
    free, left = run.last + 1, left - kept - bytes
    erased, erased_bytes = erased + run.events, erased_bytes + bytes
  end
  return keep(free, batch.last, left)
end

local function blank()
  if redis.call('EXISTS', events_key(list)) == 0 then return end
  for _, run in ipairs(runs) do
    for place = run.first, run.last do redis.call('LSET', events_key(list), place, '') end
  end
end

if not take_apart() or erased == 0 then return 0 end
if batch.state == 'open' then
  seal(batch, now)
  batch.state, batch.due = 'ready', now
end
for _, part in ipairs(parts) do part.state, part.due = batch.state, batch.due end
batch.at_head = batch.order ~= '' and redis.call('LINDEX', order_key(batch.account, batch.order), 0) == id
redis.call('ZREM', due_key(batch.account), id)
replace(batch, parts, epoch)
blank()
if records_ms > 0 then
  local came = '"now":' .. now .. ',"e":' .. batch.events - erased .. ',"a":' .. batch.events - erased .. ',"g":' .. erased
  keep_record(batch, records_ms, '', came .. ending_in_words(batch, parts), true)
  keep_prints(batch, prints, records_ms)
end
move(batch.state, 'discarded', erased)
redis.call('HINCRBY', account_key(batch.account), 'queued', -erased)
redis.call('HINCRBY', meta, 'released', erased_bytes)
schedule(batch.account, now)
book()
return erased
