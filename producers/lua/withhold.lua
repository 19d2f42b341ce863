#!lua flags=allow-oom
-- Counts events that were taken and may not be sent: the consent callback said no. Nothing of them is stored.
-- KEYS  the fixed keys of the slot
-- ARGV  how many
-- Gives the same number.
local events = tonumber(ARGV[1])
count('accepted', events)
count('discarded', events)
book()
return events
