-- Which ids were accepted: an event whose id is known is not added again (see generations_at). A print of 12 bytes says of
-- an event which one it is (8, of its account, type and id) and what it holds (4); zeros: nothing is known of it.
local PRINT, NO_PRINT = 12, string.rep('\0', 12)

local function print_at(prints, place) return string.sub(prints, PRINT * (place - 1) + 1, PRINT * place) end

-- What an event is beside those that were accepted: nil if it is new, else 'duplicate' or 'conflict' and the batch that the
-- first one went into, or its print if that comes in this call.
local function seen_before(generations, this_call, print)
  local id, content = string.sub(print, 1, 8), string.sub(print, 9)
  local first, batch = this_call[id], id
  if not first then
    local found = noted(generations, id)
    if not found then
      this_call[id] = content
      return nil
    end
    first, batch = string.sub(found, 1, 4), batch_noted(found)
  end
  return first == content and 'duplicate' or 'conflict', batch
end

-- Moves the arguments of a group together, without the events at the places that are out.
local function without(group, out)
  local kept, sizes, prints = 0, {}, {}
  for place = 1, group.n do
    if not out[place] then
      ARGV[group.first + kept] = ARGV[group.first + place - 1]
      kept = kept + 1
      sizes[kept] = string.sub(group.sizes, 4 * place - 3, 4 * place)
      prints[kept] = print_at(group.prints, place)
    end
  end
  group.n, group.sizes, group.prints = kept, table.concat(sizes), table.concat(prints)
end

-- Takes out of the groups what was accepted before or comes twice in this call; the first one counts. Gives what there is
-- to tell: the event's place in the call (from 0), what it is, its first batch, and so on.
local function sift(groups, generations)
  local told, this_call, before = {}, {}, 0
  for _, group in ipairs(groups) do
    local out = {}
    for place = 1, group.n do
      local print = print_at(group.prints, place)
      local fate, batch
      if print ~= NO_PRINT then fate, batch = seen_before(generations, this_call, print) end
      if fate then
        out[place], told[#told + 1], told[#told + 2], told[#told + 3] = true, before + place - 1, fate, batch
      end
    end
    before = before + group.n
    if next(out) then without(group, out) end
  end
  return told
end

-- One hash more, which takes its share of the ids of one other: neither is empty then, but once in 2^44 times. So the time
-- at which a hash goes need only be set here, and with the first id of the generation.
local function grow(generation)
  local added = generation.hashes
  if added == generation.round then generation.round = 2 * generation.round end
  generation.hashes = added + 1
  local from, to = generation.base .. added - generation.round / 2, generation.base .. added
  local entries, ids, moved = redis.call('HGETALL', from), {}, {}
  for at = 1, #entries, 2 do
    if struct.unpack('<I4', entries[at]) % generation.round == added then
      ids[#ids + 1], moved[#moved + 1], moved[#moved + 2] = entries[at], entries[at], entries[at + 1]
    end
  end
  if #ids > 0 then
    redis.call('HSET', to, unpack(moved))
    redis.call('PEXPIREAT', to, generation.ends)
    redis.call('HDEL', from, unpack(ids))
  end
end

-- Notes the events of a group from `from` on as accepted into a batch, in the newest generation.
local went = {} -- the batch of each id of this call
local function note_ids(generation, batch, prints, from, events)
  local packed = pack_batch(batch)
  for place = from, from + events - 1 do
    local print = print_at(prints, place)
    if print ~= NO_PRINT then
      local id = string.sub(print, 1, 8)
      local key = ids_key(generation, id)
      redis.call('HSET', key, id, string.sub(print, 9) .. packed)
      if generation.count == 0 then redis.call('PEXPIREAT', key, generation.ends) end
      generation.count, went[id] = generation.count + 1, batch
      if generation.count >= IDS_A_HASH * generation.hashes then grow(generation) end
    end
  end
end
