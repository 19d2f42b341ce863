"""Loads a Lua script: its own file behind what it names of the prelude. A line `--@with name` is a file beside it."""

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
    text = f"{shebang}\n{_needed(_file('producers', 'prelude'), rest)}\n{rest}"
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def _needed(prelude: str, script: str) -> str:
    """Of the prelude what the script names, and what that names: each call of a script makes all functions anew."""
    _, *parts = re.split(r"^(?=local )", _without_comments(prelude), flags=re.MULTILINE)
    kept, named = list[str](), _words(_without_comments(script))
    for part in reversed(parts):  # each names earlier ones only
        made = _words(re.split(r"[=(]", part.removeprefix("local ").removeprefix("function "))[0])
        if not named.isdisjoint(made):
            kept.append(part)
            named |= _words(part)
    return "".join(reversed(kept))


def _words(lua: str) -> set[str]:
    """Not those behind a dot: they are fields."""
    return set(re.findall(r"(?<![.\w])\w+", lua))


def _without_comments(lua: str) -> str:
    return re.sub(r"^ *--.*\n", "", lua, flags=re.MULTILINE)


def _file(package: str, name: str) -> str:
    return files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
