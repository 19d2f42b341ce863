#!lua flags=allow-oom
-- Keeps messages of the intake that hold no valid event, as dead letters of its own queue.
-- KEYS  the fixed keys of the slot
-- ARGV  now or '', then for each letter: its id, its first code, the stored event (with the faults in its history)
-- Gives the number of letters kept.
local now, kept = clock(ARGV[1]), 0
for at = 2, #ARGV, 3 do
  local number = next_letter()
  redis.call('HSET', letter_key(number), 'account', '', 'order', '', 'kind', '', 'id', ARGV[at],
    'code', ARGV[at + 1], 'event', ARGV[at + 2])
  note_letter(now, number, ARGV[at], ARGV[at + 1], '', '')
  kept = kept + 1
end
count('accepted', kept)
count('dead', kept)
book()
return kept
