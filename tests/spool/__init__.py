"""The spool, on a real Redis that goes away and comes back, with real processes that are killed."""
