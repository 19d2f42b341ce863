"""Faults on demand: which rules apply to a request. The same rules, seed and order of requests decide the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .api import Error, Json, Record


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with this status; `body` replaces the API's own body for it, `retry_after` is sent as a header."""

    status: int
    code: str | None = None
    message: str | None = None
    retry_after: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Report the matching records as unprocessed, not taken in. An API of one error a record tells the first."""

    errors: tuple[Error, ...]
    rewrite: bool | Record = False


@dataclass(frozen=True, slots=True)
class Miscount:
    """Tell a count of processed records that is wrong by so many; an API that tells none is not touched."""

    by: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer so many seconds later; the request is taken in at once."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer, take nothing in."""


@dataclass(frozen=True, slots=True)
class Close:
    """Abort the connection without a byte of an answer, before or after the request was taken in."""

    when: Literal["before", "after"]


Ending: TypeAlias = Status | Hang | Close
Action: TypeAlias = Ending | Refuse | Miscount | Delay


@dataclass(frozen=True, slots=True)
class Containing:
    """Any text that holds this one."""

    text: str


Wanted: TypeAlias = "Json | Containing"


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests, and for `Refuse` which of their records; what is not named always matches.

    `event` maps fields to values: an event's own field, or `objectData.NAME` (`metaData.NAME`, `metadata.NAME`) for the
    value of the entry of that name. A value is equal to the wanted one and of its type, or contains a text.
    """

    path: str | None = None
    account: str | None = None
    event: Mapping[str, Wanted] = field(default_factory=dict)

    def request(self, path: str, account: str | None) -> bool:
        return self.path in (None, path) and self.account in (None, account)

    def record(self, record: Json) -> bool:
        return isinstance(record, dict) and all(_has(record, name, value) for name, value in self.event.items())


@dataclass(frozen=True, slots=True)
class Rule:
    """`probability` is drawn once a request, for `Refuse` once a matching record; `times` counts requests."""

    action: Action
    match: Match = field(default_factory=Match)
    probability: float = 1.0
    times: int | None = None


@dataclass(slots=True)
class Verdict:
    """What happens to one request: delays and miscounts add up, `refused` is by index, at most one ending."""

    delay: float = 0.0
    miscount: int = 0
    refused: dict[int, Refuse] = field(default_factory=dict)
    ending: Ending | None = None


class Faults:
    """The rules in force, their draws and how often each has fired."""

    def __init__(self, seed: int, rules: Sequence[Rule] = ()) -> None:
        self.seed = self._first_seed = seed
        self.replace(rules)

    def clear(self) -> None:
        """No rules, and the seed of the start."""
        self.seed = self._first_seed
        self.replace(())

    def replace(self, rules: Sequence[Rule]) -> None:
        """Take other rules; the draws begin again from the seed."""
        self.rules = tuple(rules)
        self.restart()

    def restart(self) -> None:
        """Begin the draws and the counts again, so that a second run decides as the first."""
        self.fired = [0] * len(self.rules)
        self._random = random.Random(self.seed)

    def decide(self, path: str, account: str | None, records: Sequence[Json], *, divisible: bool) -> Verdict:
        """Try the rules in their order; the first ending is the last rule tried.

        `divisible`: the API would take the request in, and could refuse single records of it.
        """
        verdict = Verdict()
        for number, rule in enumerate(self.rules):
            if self._spent(number) or not rule.match.request(path, account):
                continue
            if self._apply(rule, records, verdict, divisible=divisible):
                self.fired[number] += 1
            if verdict.ending is not None:
                break
        return verdict

    def _spent(self, number: int) -> bool:
        times = self.rules[number].times
        return times is not None and self.fired[number] >= times

    def _apply(self, rule: Rule, records: Sequence[Json], verdict: Verdict, *, divisible: bool) -> bool:
        if isinstance(rule.action, Refuse):
            return divisible and self._refuse(rule, rule.action, records, verdict)
        if isinstance(rule.action, Miscount) and not divisible:
            return False
        if rule.match.event and not any(map(rule.match.record, records)):
            return False
        if not self._drawn(rule):
            return False
        if isinstance(rule.action, Delay):
            verdict.delay += rule.action.seconds
        elif isinstance(rule.action, Miscount):
            verdict.miscount += rule.action.by
        else:
            verdict.ending = rule.action
        return True

    def _refuse(self, rule: Rule, action: Refuse, records: Sequence[Json], verdict: Verdict) -> bool:
        chosen = [
            index
            for index, record in enumerate(records)
            if index not in verdict.refused and rule.match.record(record) and self._drawn(rule)
        ]
        verdict.refused.update(dict.fromkeys(chosen, action))
        return bool(chosen)

    def _drawn(self, rule: Rule) -> bool:
        return rule.probability >= 1 or self._random.random() < rule.probability


def _has(record: Record, name: str, wanted: Wanted) -> bool:
    key, dot, entry_name = name.partition(".")
    if not dot:
        return key in record and _same(record[key], wanted)
    entries = record.get(key)
    return isinstance(entries, list) and any(
        isinstance(entry, dict)
        and entry.get("name", entry.get("Name")) == entry_name
        and _same(entry.get("value", entry.get("Value")), wanted)
        for entry in entries
    )


def _same(value: Json, wanted: Wanted) -> bool:
    if isinstance(wanted, Containing):
        return isinstance(value, str) and wanted.text in value
    return type(value) is type(wanted) and value == wanted
