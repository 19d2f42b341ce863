-- Which ids were accepted: an event whose id is known is not added again (see generations_at). A print of 12 bytes says of
-- an event which one it is (8, of its account, type and id) and what it holds (4); zeros: nothing is known of it.
--
-- All buckets that a call may need are read at its beginning, in one command a generation, and those that it changed are
-- written at its end, in one command. Until then the table has the size that it had.
local PRINT, NO_ID = 12, string.rep('\0', 8)
local BUCKETS_MOST = 2000 -- a command: so many fields, when it writes with as many values

-- The records in buckets, by the places of these among `fields`; false where there are none.
local function read_buckets(generation, fields)
  local count, most = #fields, BUCKETS_MOST
  if count <= most then return redis.call('HMGET', generation.key, unpack(fields)) end
  local found = {}
  for from = 1, count, most do
    local some = redis.call('HMGET', generation.key, unpack(fields, from, math.min(from + most - 1, count)))
    for at = 1, #some do found[from + at - 1] = some[at] end
  end
  return found
end

-- Finds the bucket of each id of a call, in each generation.
local function look_for(generations, prints, count)
  local numbers, most = nil, BUCKETS_MOST
  for from = 1, count, most do
    local some = math.min(most, count - from + 1)
    local found = { struct.unpack('<' .. string.rep('I4xxxxxxxx', some), prints, PRINT * (from - 1) + 1) }
    numbers = numbers or found
    if from > 1 then
      for at = 1, some do numbers[from + at - 1] = found[at] end
    end
  end
  for back = 1, #generations do
    local generation, fields = generations[back], {}
    for at = 1, count do fields[at] = bucket_of(generation, numbers[at]) end
    generation.fields, generation.changed = fields, {}
    generation.found = generation.ids > 0 and read_buckets(generation, fields) or {}
  end
end

-- Notes the id at a place of the call in the newest generation, with the batch that it goes into; or gives the record
-- that there is of it already, and changes nothing. What it is known by ends `behind` so many bytes of the prints.
local function note_id(generations, place, id, behind, batch)
  local newest = generations[1]
  local field = newest.fields[place]
  local bucket = newest.changed[field] or newest.found[place] or ''
  local record = string.find(bucket, id, 1, true) and record_in(bucket, id)
  for back = 2, #generations do
    local older = generations[back].found[place]
    record = record or older and record_in(older, id)
  end
  if record then return record end
  local packed = batch.packed
  if not packed then
    packed = pack_batch(batch.id)
    batch.packed = packed
  end
  newest.changed[field], newest.ids = bucket .. string.sub(ARGV[12], behind - 11, behind) .. packed, newest.ids + 1
end

-- As many buckets more as there are to be: each takes its share of the ids of one other, those with one bit more set.
local function grow(generation)
  local pack, sub, byte, floor = struct.pack, string.sub, string.byte, math.floor
  local first, last, round, changed = generation.buckets, buckets_for(generation.ids) - 1, generation.round, generation.changed
  local wanted = {}
  for into = first, last do
    if into == round then round = 2 * round end
    local from = into - round / 2 < first and pack('<I4', into - round / 2)
    if from and not changed[from] then wanted[#wanted + 1] = from end
  end
  local found = #wanted > 0 and read_buckets(generation, wanted) or wanted
  for at = 1, #wanted do changed[wanted[at]] = found[at] or '' end
  round = generation.round
  for into = first, last do
    if into == round then round = 2 * round end
    local from, to, unit, behind = pack('<I4', into - round / 2), pack('<I4', into), round / 2, 0
    while unit >= 256 do unit, behind = unit / 256, behind + 1 end
    local bucket, stays, goes = changed[from] or '', {}, {}
    for at = 1, #bucket, RECORD do
      local side = floor(byte(bucket, at + behind) / unit) % 2 == 1 and goes or stays
      side[#side + 1] = sub(bucket, at, at + RECORD - 1)
    end
    changed[from], changed[to] = table.concat(stays), table.concat(goes)
  end
end

-- Writes what was noted. With the first id of a generation (or where its hash may be gone): the one that nobody asks any more
-- goes, in the background, since it may be large; the time at which the key ends by itself is for a slot to which nothing
-- comes any more.
local function write_noted(window, newest, before)
  if newest.buckets < buckets_for(newest.ids) then grow(newest) end
  local fields, count = {}, 0
  for field, bucket in pairs(newest.changed) do
    fields[count + 1], fields[count + 2] = field, bucket
    count = count + 2
  end
  for from = 1, count, 2 * BUCKETS_MOST do
    redis.call('HSET', newest.key, unpack(fields, from, math.min(from + 2 * BUCKETS_MOST - 1, count)))
  end
  if before > 0 and newest.found[1] then return end
  redis.call('PEXPIREAT', newest.key, (newest.number + 4) * 500 * window)
  redis.call('UNLINK', base .. 'ids:' .. window .. ':' .. newest.number - 3)
end
