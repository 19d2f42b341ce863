-- The record of a batch: a text that ends by itself, a line of JSON for each attempt. Included by settle.lua and erase.lua.
--
-- What the worker told of the attempt stands first (see worker/delivery/records.py), then what came of it: now, e (events) and how
-- many of them d (were delivered), x (died), a (go again); of what ended the batch also o (when it was opened), of (the batch
-- that it was a part of) and parts: [batch, first, last]; g: that so many were taken out by an erasure. Where its events went different ways the prints of all of them
-- lie beside it, by their places in the list (prints:<list>).
local function record_key(id) return base .. 'record:' .. id end
local function prints_key(list) return base .. 'prints:' .. list end

local function parts_in_words(given)
  if #given == 0 then return '' end
  local words = {}
  for place, part in ipairs(given) do words[place] = '["' .. part.id .. '",' .. part.first .. ',' .. part.last .. ']' end
  return ',"parts":[' .. table.concat(words, ',') .. ']'
end

local function ending_in_words(batch, given)
  local opened = ',"o":' .. batch.opened
  if #given == 0 and not batch.parent then return opened end
  return opened .. (batch.parent and ',"of":"' .. batch.parent .. '"' or '') .. parts_in_words(given)
end

-- What a part is known by lies with the list that it is a part of, and with the batch that had it whole.
local function keep_prints(batch, prints, ttl)
  if prints ~= '' then redis.call('SETRANGE', prints_key(batch.list), 8 * batch.first, prints) end
  if prints ~= '' or batch.list ~= batch.id then
    redis.call('PEXPIRE', prints_key(batch.list), ttl)
    redis.call('PEXPIRE', record_key(batch.list), ttl)
  end
end

-- `begun`: whether it has entries already.
local function keep_record(batch, ttl, told, came, begun)
  local text = (told == '' and '{' or string.sub(told, 1, -2) .. ',') .. came .. '}\n'
  if begun then
    redis.call('APPEND', record_key(batch.id), text)
    redis.call('PEXPIRE', record_key(batch.id), ttl)
  else
    redis.call('SET', record_key(batch.id), text, 'PX', ttl)
  end
end
