#!lua flags=allow-oom
-- Puts another event in the place of a dead letter's, if it is still as it was read. Its number, its id, its account, its
-- code and when it died stay.
-- KEYS  the fixed keys of the slot
-- ARGV  the letter's number, SHA-1 of its stored event as it was read, order, kind, event time (ms; '' for a message of the
--       intake, which has none and is not changed while others are being replayed), the stored event
-- Gives 1 if it was changed; else nothing is: 0 if the letter is gone, -1 if it is not as it was read, -2 while they are
-- being replayed.
local key, read, time = letter_key(ARGV[1]), ARGV[2], ARGV[5]
local stored = redis.call('HGET', key, 'event')
if not stored then return 0 end
if redis.sha1hex(stored) ~= read then return -1 end
if time == '' and redis.call('EXISTS', dispatched) == 1 then return -2 end
redis.call('HSET', key, 'order', ARGV[3], 'kind', ARGV[4], 'event', ARGV[6])
note_event_time(ARGV[1], time)
return 1
