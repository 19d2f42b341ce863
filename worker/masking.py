"""The last look at a log line: no login of a URL and no e-mail address leaves, whoever put it into an error. Pure.

Nothing of ours writes either; but the texts of exceptions are others', and they quote.
"""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^\s/@\"']*:[^\s/\"']*@")
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
HIDDEN = "***"


def masked(line: str, host: str = "") -> str:
    """The line without them. Names like `worker@<host>` are workers of this host."""
    if "@" not in line:
        return line
    line = _LOGIN.sub(f"{HIDDEN}@", line)
    return _ADDRESS.sub(lambda found: found[0] if host and found[0].endswith(f"@{host}") else HIDDEN, line)
