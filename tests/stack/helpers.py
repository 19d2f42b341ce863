"""What the tests of the stack share."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from worker.stack import Child, find_server

PYTHON = sys.executable
PROC = Path("/proc")


def servers() -> list[Path]:
    """The wheel's server, always, and the one on PATH if there is another."""
    return list(dict.fromkeys([find_server(path=""), find_server()]))


def state(pid: int) -> str:
    """The kernel's letter for a process ("T" stopped, "Z" ended and not waited for); empty: gone."""
    if not PROC.exists():  # macOS
        ps = ["/bin/ps", "-o", "stat=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True).stdout.strip()[:1]
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs."""
    return state(pid) not in ("", "Z", "X")


def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def python(name: str, code: str, *, log_path: Path | None = None, say_ready: bool = True) -> Child:
    """A small Python program of this test."""
    return Child(name, [PYTHON, "-u", "-c", code], log_path=log_path, say_ready=say_ready)
