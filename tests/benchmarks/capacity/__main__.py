"""Draws ops/docs/capacity.md from what was measured, or says what a load needs.

`python -m tests.benchmarks.capacity` draws the page; with a load it prints what that needs:
`python -m tests.benchmarks.capacity --events-a-second 2000 --hours 6 --latency-ms 120 [--sessions] …`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import get_type_hints

from tests.benchmarks.asked import positive
from tests.benchmarks.capacity.figures import Json, figures
from tests.benchmarks.capacity.page import ROWS, drawn
from tests.benchmarks.capacity.sizing import Load, Settings, needs
from worker.settings import DeliverySettings

DOCS = Path(__file__).parents[3] / "ops" / "docs"
PAGE = DOCS / "capacity.md"
HELP = {
    "events_a_second": "at the peak",
    "sessions": "events of sessions, in order",
    "accounts": "over which they are spread",
    "event_bytes": "mean",
    "latency_ms": "of the API, mean",
    "hours": "that Rokt may be away",
    "catch_up_hours": "within which the backlog is sent then",
    "a_request": "events of a request; 0: as many as come within linger",
    "linger_ms": "FORWARDER_LINGER_MS",
    "cap": "FORWARDER_EVENT_API_MAX_EVENTS",
    "a_call": "events of a call of enqueue_many; 1: single ones",
    "window_hours": "FORWARDER_DUPLICATES_WINDOW_S",
    "record_hours": "FORWARDER_RECORDS_S",
    "producers": "processes",
    "threads": "of each that enqueue at a time",
    "busy": "share of a core that is planned for",
}

FRACTIONS = {name for name, kind in get_type_hints(Load).items() if kind is float}
MAY_BE_NOTHING = dict.fromkeys(("hours", "a_request", "linger_ms", "window_hours", "record_hours"), 0)


def read() -> tuple[Json, Json | None]:
    """What was measured: as work grows, and beside others (None if it was not)."""
    compare = DOCS / "measured" / "compare.json"
    growth: Json = json.loads((DOCS / "measured" / "growth.json").read_text())
    return growth, json.loads(compare.read_text()) if compare.exists() else None


def defaults() -> Settings:
    of = DeliverySettings()
    return Settings(of.in_flight, of.account_in_flight)


def sized(load: Load) -> str:
    """What it needs, a line each."""
    of = needs(load, figures(*read(), sessions=load.sessions), defaults())
    lines = [f"{name.replace('`', ''):40} {told(of)}" for name, told in ROWS.items()]
    return "\n".join([*lines, *warnings(of.of_account, of.redises), ""])


def warnings(of_account: int, redises: int) -> list[str]:
    found = []
    if of_account > defaults().account_in_flight:
        found.append(f"! one account has {of_account} requests in flight: FORWARDER_ACCOUNT_IN_FLIGHT must be more")
    if redises > 1:
        found.append(
            "! one Redis does not carry it: spread accounts or destinations over several, each with its workers"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    for name, default in Load()._asdict().items():
        flag = "--" + name.replace("_", "-")
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=HELP[name])
        else:
            kind = positive(float if name in FRACTIONS else type(default), MAY_BE_NOTHING.get(name))
            parser.add_argument(flag, type=kind, default=default, help=f"{HELP[name]} ({default})")
    if len(sys.argv) > 1:
        sys.stdout.write(sized(Load(**vars(parser.parse_args()))))
    else:
        PAGE.write_text(drawn(PAGE.read_text("utf-8"), *read(), defaults()), "utf-8")


if __name__ == "__main__":
    main()
