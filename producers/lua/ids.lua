-- Which ids were accepted: an event whose id is known is not added again (see generations_at). A print of 12 bytes says of
-- an event which one it is (8, of its account, type and id) and what it holds (4); zeros: nothing is known of it.
local PRINT, NO_ID = 12, string.rep('\0', 8)

-- One hash more, which takes its share of the ids of one other: neither is empty then, but once in 2^44 times. So the time
-- at which a hash goes need only be set here, and with the first id of the generation.
local function grow(generation)
  local added = generation.hashes
  if added == generation.round then generation.round = 2 * generation.round end
  generation.hashes = added + 1
  local from, to = generation.base .. added - generation.round / 2, generation.base .. added
  local entries, ids, moved, ids_moved = redis.call('HGETALL', from), {}, {}, 0
  local unpacked, round = struct.unpack, generation.round
  for at = 1, #entries, 2 do
    local id = entries[at]
    if unpacked('<I4', id) % round == added then
      ids_moved = ids_moved + 1
      ids[ids_moved], moved[2 * ids_moved - 1], moved[2 * ids_moved] = id, id, entries[at + 1]
    end
  end
  if #ids > 0 then
    redis.call('HSET', to, unpack(moved))
    redis.call('PEXPIREAT', to, generation.ends)
    redis.call('HDEL', from, unpack(ids))
  end
end

-- Notes an id in the newest generation, with `value`; or gives what is noted of it already, and changes nothing. That is
-- one command where no older generation has ids: a look and a write are one then.
local function note_id(generations, id, value)
  for back = 2, #generations do
    local found = redis.call('HGET', ids_key(generations[back], id), id)
    if found then return found end
  end
  local newest = generations[1]
  local key = ids_key(newest, id)
  if redis.call('HSETNX', key, id, value) == 0 then return redis.call('HGET', key, id) end
  if newest.ids == 0 then redis.call('PEXPIREAT', key, newest.ends) end
  newest.ids = newest.ids + 1
  if newest.ids >= IDS_A_HASH * newest.hashes then grow(newest) end
end

local function write_noted(window, newest, before)
  if newest.ids > before then
    redis.call('SET', noted_key(window, newest.number), newest.ids, 'PXAT', newest.ends)
  end
end
