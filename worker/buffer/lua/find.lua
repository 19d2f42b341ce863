#!lua flags=no-writes
-- Which batch an accepted id went into, and how that batch stands. Changes nothing.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', window in which an id is accepted once (s), the prints of ids (8 bytes each)
-- Gives for each id an empty list if it is not known, else {its batch, the state of that (open, ready, waiting, in_flight,
--       parts: it was split, '': it is gone), when it was opened (ms; 0 if it is gone), when the id was accepted:
--       not before and before when (ms)}
local now, window = clock(ARGV[1]), tonumber(ARGV[2])
local generations = generations_at(now, window, redis.call('HGET', meta, 'noted:' .. window))

local function state_of(batch)
  local f = redis.call('HMGET', batch_key(batch), 'state', 'opened')
  if f[2] then return f[1] or 'open', tonumber(f[2]) end
  return redis.call('EXISTS', events_key(batch)) == 1 and 'parts' or '', 0
end

local answers = {}
for place = 3, #ARGV do
  local found, generation = noted(generations, ARGV[place])
  local answer = {}
  if found then
    local batch = batch_noted(found)
    local state, opened = state_of(batch)
    answer = { batch, state, opened, generation.number * 500 * window, (generation.number + 1) * 500 * window }
  end
  answers[#answers + 1] = answer
end
return answers
