"""What is known after a storm, from every side: the producers, the sandbox, the dead letters, the workers' logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.crowd import Entry
from tests.chaos.events import ACCOUNTS
from tests.chaos.watch import Counts, Looks
from tests.chaos.weather import Weather
from tests.support.sandbox import Sandbox

SURPRISES = ("attempt_broke", "settle_refused", "batch_incomplete", "dispatch_failed")


class Request(NamedTuple):
    """A request that the sandbox took events of. `status`: None if it gave no answer. Times are monotonic seconds."""

    number: int
    trace_id: str
    status: int | None
    arrived: float
    ended: float


@dataclass
class Logs:
    """What the workers wrote. `heard`: the traces of all answers that came; `late`: those settled too late."""

    heard: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)


@dataclass
class Evidence:
    """`accepted`: id -> the requests by which the sandbox took it in; ids in the order of their first acceptance."""

    entries: Mapping[str, Entry]
    accepted: Mapping[str, list[Request]]
    letters: list[dict[str, Any]]
    ledger: Counts
    looks: Looks
    weather: Weather
    logs: Logs = field(default_factory=Logs)
    by_status: Mapping[str, int] = field(default_factory=dict)
    died: list[str] = field(default_factory=list)
    gave_up: int = 0

    def write(self, file: Path) -> None:
        """What the folder does not hold otherwise: times, requests and victims, for a person to look into."""
        requests = {request.number: request for taken in self.accepted.values() for request in taken}
        kills = [{**kill._asdict(), "in_flight": sorted(kill.in_flight)} for kill in self.weather.kills]
        told = {event_id: [entry.told, *entry.event[1:6]] for event_id, entry in self.entries.items()}
        accepted = {event_id: [request.number for request in taken] for event_id, taken in self.accepted.items()}
        found = {"requests": requests, "kills": kills, "told": told, "accepted": accepted, "letters": self.letters}
        file.write_text(json.dumps(found))


def accepted_by(sandbox: Sandbox) -> dict[str, list[Request]]:
    """Asked of the sandbox once it is at rest."""
    requests = {row["number"]: _request(row) for row in sandbox.requests()}
    accepted: dict[str, list[Request]] = {}
    for api in ACCOUNTS:
        for row in sandbox.taken(api, records=api == "audience"):
            for event_id in row["ids"] or [record["email"] for record in row["records"]]:
                accepted.setdefault(event_id, []).append(requests[row["number"]])
    return accepted


def _request(row: Mapping[str, Any]) -> Request:
    ended = row["arrived"] if row["ended"] is None else row["ended"]
    return Request(row["number"], row["trace_id"], row["status"], row["arrived"], ended)


def read_logs(folder: Path) -> Logs:
    """From all workers that ever ran."""
    found, traces, late = Logs(), dict[str, set[str]](), set[str]()
    for line in _lines(folder):
        if line["event"] == "attempt" and line.get("trace_id"):
            found.heard.add(line["trace_id"])
            traces.setdefault(line["batch"], set()).add(line["trace_id"])
        elif line["event"] == "settle_too_late":
            late.add(line["batch"])
        elif line["event"] in SURPRISES:
            found.surprises.append(json.dumps(line)[:500])
    found.late = {trace for batch in late for trace in traces.get(batch, ())}
    return found


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    """A worker that is killed may leave half a line."""
    for file in sorted(folder.glob("worker*.log")):
        with file.open(errors="replace") as lines:
            for text in lines:
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and "event" in line:
                    yield line
