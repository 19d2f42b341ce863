"""One dead letter in full, for a person at a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from worker.cli.context import plain
from worker.cli.dlq.shared import shown_plain
from worker.dead_letters import Letter


def print_letter(letter: Letter, console: Console) -> None:
    """What it is, its event, and every death and edit, oldest first. What strangers wrote is escaped."""
    shown = letter.shown()
    facts = Table.grid(padding=(0, 2))
    for name in ("id", "destination", "account", "enqueued_at", "died_at", "expires_at", "attempts"):
        facts.add_row(name.replace("_", " "), shown_plain(str(shown[name] if shown[name] is not None else "never")))
    console.print(facts)
    console.print(_history(letter.event.history))
    for entry in letter.event.history:
        if "edited" in entry:
            console.print(f"before the edit of {shown_plain(str(entry.get('at', '')))}:")
            _print_event(entry["edited"].get("original"), console)
    console.print("the event:")
    _print_event(shown["event"], console)


def _print_event(event: Any, console: Console) -> None:
    text = json.dumps(event, ensure_ascii=False, indent=2)
    console.print("\n".join(plain(line) for line in text.split("\n")), markup=False, highlight=False, soft_wrap=True)


def _history(history: tuple[dict[str, Any], ...]) -> Table:
    table = Table("at", "attempts", "status", "why", "trace id", "batch")
    for entry in history:
        why = _edit(entry["edited"]) if "edited" in entry else _reasons(entry)
        cells = (entry.get("attempts", ""), entry.get("status") or "", why, entry.get("trace_id", ""))
        table.add_row(*(shown_plain(str(each)) for each in (entry.get("at", ""), *cells, entry.get("batch", ""))))
    return table


def _reasons(entry: Mapping[str, Any]) -> str:
    told = [
        f"{each['code']}: {each['message']}" if each["message"] else each["code"] for each in entry.get("reasons", [])
    ]
    return "; ".join(told)


def _edit(edited: Mapping[str, Any]) -> str:
    return f"edited by {edited.get('by', 'somebody')}" + (f": {edited['why']}" if edited.get("why") else "")
