-- Makes parts of a batch. Included by settle.lua and erase.lua.
--
-- A part is a batch of its own that shares the list of events; it keeps the attempts spent so far, unless it is renewed.
local function part_batch(batch, part, epoch, renewed)
  local part_id = redis.call('HINCRBY', meta, 'batches', 1) .. '-' .. epoch
  part.id = part_id
  redis.call('HSET', batch_key(part_id), 'account', batch.account, 'order', batch.order, 'kind', batch.kind,
    'events', part.events, 'bytes', part.bytes, 'oldest', batch.oldest, 'newest', batch.newest,
    'opened', batch.opened, 'due', part.due, 'state', part.state, 'list', batch.list, 'first', part.first,
    'last', part.last, 'parent', batch.id)
  for _, name in ipairs(renewed and {} or { 'attempts', 'tried' }) do
    if batch[name] then redis.call('HSET', batch_key(part_id), name, batch[name]) end
  end
  if batch.root then redis.call('HSET', batch_key(part_id), 'root', batch.root) end
  born(part_id, batch)
  return part_id
end

-- The batch goes, and with the last of those that share it its list. A batch that is no part has its list for itself.
local function remove(batch, new_owners)
  local list = batch.list
  if list == batch.id and new_owners == 0 then return redis.call('UNLINK', batch_key(list), events_key(list)) end
  redis.call('UNLINK', batch_key(batch.id))
  local owners = tonumber(redis.call('GET', owners_key(list)) or 1) - 1 + new_owners
  if owners == 0 then
    redis.call('UNLINK', events_key(list), owners_key(list))
  elseif owners ~= 1 or new_owners == 0 then
    redis.call('SET', owners_key(list), owners)
  end
end

-- The batch that is the first of an order key now may be claimed when it is due.
local function step_forward(account, head)
  if head then redis.call('ZADD', due_key(account), redis.call('HGET', batch_key(head), 'due'), head) end
end

-- The batch goes; its parts take its place in its order key, or else the next batch steps forward to it. Only from the
-- head (`at_head`) something may be claimed.
local function replace(batch, given, epoch, renewed)
  remove(batch, #given)
  gone(batch.id, batch.opened)
  local order, behind = batch.order ~= '' and order_key(batch.account, batch.order), batch.id
  for place = #given, 1, -1 do
    local part_id = part_batch(batch, given[place], epoch, renewed)
    if not order then
      wait(batch.account, part_id, given[place].due)
    elseif batch.at_head then
      redis.call('LPUSH', order, part_id)
    else
      redis.call('LINSERT', order, 'BEFORE', behind, part_id)
    end
    behind = part_id
  end
  if order then redis.call('LREM', order, 1, batch.id) end
  if order and batch.at_head then step_forward(batch.account, redis.call('LINDEX', order, 0)) end
end
