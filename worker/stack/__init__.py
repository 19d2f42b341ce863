"""Starts and supervises the programs of a local stack: an embedded Redis, workers, Flower, the sandbox.

Nothing here knows Celery, events or Rokt; only processes, ports and their ends.
"""

from worker.stack.errors import DataDirBusyError, ServerNotFoundError, StackError, StartError
from worker.stack.ports import free_port, wait_http
from worker.stack.processes import Child, Ending, Stack
from worker.stack.redis_server import EmbeddedRedis
from worker.stack.server_binary import find_server

__all__ = [
    "Child",
    "DataDirBusyError",
    "EmbeddedRedis",
    "Ending",
    "ServerNotFoundError",
    "Stack",
    "StackError",
    "StartError",
    "find_server",
    "free_port",
    "wait_http",
]
