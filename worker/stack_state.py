"""Where a running `forwarder up` can be found by the other commands: a small file in its data folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE = "stack.json"


def note_stack(folder: Path, variables: Mapping[str, str]) -> None:
    """Writes down how to reach the stack, in the words of the environment."""
    (folder / FILE).write_text(json.dumps(dict(variables)), "utf-8")


def forget_stack(folder: Path) -> None:
    (folder / FILE).unlink(missing_ok=True)


def running_stack(folder: Path) -> dict[str, str]:
    """The variables of the stack that runs there, or none."""
    try:
        noted = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in noted.items()} if isinstance(noted, dict) else {}
