"""Loads a Lua script: its own file behind the shared prelude."""

from __future__ import annotations

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
    body = files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
    shebang, _, rest = body.partition("\n")
    text = f"{shebang}\n{_prelude()}\n{rest}"
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@cache
def _prelude() -> str:
    return files("producers").joinpath("lua", "prelude.lua").read_text("utf-8")
