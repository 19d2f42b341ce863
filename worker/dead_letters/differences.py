"""What two versions of an event differ in, for people. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

_A_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def written(event: Any) -> str:
    """As it is shown and edited: indented JSON, or a text as it stands."""
    return event if isinstance(event, str) else json.dumps(event, ensure_ascii=False, indent=2)


def difference(before: Any, after: Any, names: tuple[str, str] = ("as it is", "as edited")) -> list[str]:
    """A unified diff, line by line; nothing where both are the same."""
    return list(unified_diff(written(before).splitlines(), written(after).splitlines(), *names, lineterm=""))


def changed_fields(before: Any, after: Any) -> list[str]:
    """The outermost fields that differ, by name. What looks like no name may be an address."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return [] if before == after else ["(all of it)"]
    names = [name for name in (*before, *after) if written(_only(before, name)) != written(_only(after, name))]
    return list(dict.fromkeys(name if _A_NAME.fullmatch(str(name)) else "(a name)" for name in names))


def _only(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: event[name]} if name in event else {}
