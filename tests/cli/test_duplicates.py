"""`forwarder enqueue` counts what was accepted before, and `forwarder find` tells which batch an id went into."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.support import Cli

EVENT = {"eventType": "conversion"}


def line(event_id: str, **event: Any) -> str:
    return json.dumps({"destination": "event-api", "account": "7", "event": EVENT | event, "id": event_id}) + "\n"


def test_duplicates_are_counted_and_no_fault_while_another_content_is_one(cli: Cli) -> None:
    first = cli.run("enqueue", "-", given=line("a") + line("b"))
    assert (first.status, first.out) == (0, "2 accepted, 0 refused\n")
    again = cli.run("enqueue", "-", given=line("a") + line("b") + line("c"))
    assert (again.status, again.out) == (0, "1 accepted, 2 duplicates, 0 refused\n")
    other = cli.run("enqueue", "-", "--json", given=line("a") + line("b", metaData=[{"name": "n", "value": "v"}]))
    assert (other.status, other.json) == (1, {"accepted": 0, "duplicates": 1, "refused": 1, "failed": 0})
    assert other.err == "line 2: id: 'b' was accepted before, with another content\n"


def test_find_tells_the_batch_of_an_event_in_words_and_as_json(cli: Cli) -> None:
    cli.run("enqueue", "-", given=line("order-1"))
    (found,) = cli.done("find", "order-1", "--account", "7", "--json").json
    assert (found["destination"], found["type"], found["state"]) == ("event-api", "conversion", "open")
    told = cli.done("find", "order-1", "-a", "7", "-d", "event-api", "-t", "conversion").out
    assert told.startswith(f"event-api conversion: batch {found['batch']}, opened {found['opened']}; waits")


def test_find_ends_with_one_for_what_nobody_knows(cli: Cli) -> None:
    cli.run("enqueue", "-", given=line("order-1"))
    ended = cli.run("find", "order-2", "--account", "7")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "account 7 has no event order-2 that is known by now\n"
    assert cli.run("find", "order-1", "--account", "7", "-t", "booking").status == 1
