#!lua flags=allow-oom
-- Adds an entry to the audit, whose oldest entries go. Also when memory is full, as what it tells of is done then too.
-- KEYS  the audit, a stream
-- ARGV  how many entries are kept, the entry
-- Gives the entry's id.
return redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'entry', ARGV[2])
