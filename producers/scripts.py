"""Loads a Lua script: its own file behind the shared prelude. A line `--@with name` stands for a file beside it."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """The text that Redis runs and the name under which it remembers it."""

    text: str
    sha: str


@cache
def load(package: str, name: str) -> Script:
    """The script `name`.lua of `package`. Its first line may be a `#!lua` line, which stays the first."""
    shebang, _, rest = _file(package, name).partition("\n")
    rest = re.sub(r"^--@with (\w+)$", lambda found: _file(package, found[1]), rest, flags=re.MULTILINE)
    text = f"{shebang}\n{_prelude()}\n{rest}"
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@cache
def _prelude() -> str:
    return _file("producers", "prelude")


def _file(package: str, name: str) -> str:
    return files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
