"""Log lines stay lines, though all processes of a worker write to one file."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import io, json, logging, sys
import structlog
from worker import logs

class Recorder(io.StringIO):
    writes = []
    def write(self, text):
        self.writes.append(text)
        return len(text)

sys.__stderr__ = Recorder()
logs.configure("INFO")
structlog.get_logger("forwarder.delivery").info("attempt", batch="1-a")
logging.getLogger("celery").warning("ready")
print(json.dumps(Recorder.writes))
"""


def test_a_line_is_one_write() -> None:
    """Where Python does not buffer, as in a container, another process could come between a line and its end."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    writes = json.loads(done.stdout)
    assert [json.loads(text)["event"] for text in writes] == ["attempt", "ready"]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in writes)
