-- What many settlements of one call have in common is collected here and written once, at its end: `all_gone`. Nothing
-- that a settlement reads of another depends on it. Included by settle.lua.
local UNLINKED = 1000 -- keys a command
local gone_keys, gone_ids, gone_in, touched, leases_of, sent_last = {}, {}, {}, {}, {}, {}

-- The batch is in flight no more; its account is looked at anew at the end.
local function no_lease(batch)
  local account = batch.account
  if not leases_of[account] then
    leases_of[account] = {}
    touched[#touched + 1] = account
  end
  local leases = leases_of[account]
  leases[#leases + 1] = batch.id
end

local function note_latest(batch)
  sent_last[#sent_last + 1] = batch.account .. '\0' .. batch.order
end

-- A batch goes that is no part of another and leaves none: of its order key the next one steps forward.
local function leave(batch)
  local id, keys = batch.id, #gone_keys
  gone_keys[keys + 1], gone_keys[keys + 2] = batch_key(id), events_key(id)
  gone_ids[#gone_ids + 1] = id
  local second = math.floor(batch.opened / 1000)
  gone_in[second] = (gone_in[second] or 0) + 1
  if batch.order == '' then return end
  local order = order_key(batch.account, batch.order)
  local head = redis.call('LRANGE', order, 0, 1)
  if head[1] == id and not head[2] then
    gone_keys[keys + 3] = order
    return
  end
  redis.call('LREM', order, 1, id)
  if head[1] == id then step_forward(batch.account, head[2]) end
end

local function all_gone(now)
  for from = 1, #gone_keys, UNLINKED do
    redis.call('UNLINK', unpack(gone_keys, from, math.min(from + UNLINKED - 1, #gone_keys)))
  end
  if #gone_ids > 0 then redis.call('ZREM', times_key(), unpack(gone_ids)) end
  for second, batches in pairs(gone_in) do
    if redis.call('HINCRBY', aged, second, -batches) <= 0 then
      redis.call('HDEL', aged, second)
      redis.call('ZREM', ages, second)
    end
  end
  if #sent_last > 0 then
    local told = {}
    for place, order in ipairs(sent_last) do told[2 * place - 1], told[2 * place] = order, now end
    redis.call('HSET', latest, unpack(told))
  end
  for _, account in ipairs(touched) do
    redis.call('ZREM', leases_key(account), unpack(leases_of[account]))
    schedule(account, now)
  end
end
