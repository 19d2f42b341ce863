"""What Redis does not take in time waits in a local SQLite file, and goes to Redis when it is back.

Imported only where a folder is set (`FORWARDER_SPOOL_DIR`), and sqlite3 with it.
"""

from producers.spool.appender import SpoolingAppender, spooling

__all__ = ["SpoolingAppender", "spooling"]
