"""Every promise that the storm watches is seen when it is broken: on evidence that is made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import checks
from tests.chaos.crowd import Entry, Told
from tests.chaos.duplicates import CUT, LATE, UNHEARD, duplicates
from tests.chaos.events import Event
from tests.chaos.evidence import Evidence, Logs, Request, read_logs
from tests.chaos.stopped import Kill
from tests.chaos.watch import Looks, differences
from tests.chaos.weather import Weather
from worker.operating.status import STATES

Change = Callable[[Evidence], object]
FIRST, SECOND = Request(1, "trace-1", 200, 10.0, 10.1), Request(2, "trace-2", 200, 17.0, 17.1)


def entry(number: int, *, mark: str = "", told: Told = "returned") -> Entry:
    return Entry(Event(f"id-{number}", "server-events", "1", "session", number, mark, {}), told)


def letter(number: int, *codes: str) -> dict[str, Any]:
    reasons = [{"code": code, "message": ""} for code in codes]
    return {"id": f"id-{number}", "destination": "server-events", "reasons": reasons}


def counts(**states: int) -> dict[str, Any]:
    return {"server-events": {**dict.fromkeys(STATES, 0), **states}}


def evidence() -> Evidence:
    """Three events were taken in, one is rightly dead, one was never accepted; nothing is wrong."""
    entries = [entry(0), entry(1), entry(2, mark="refused"), entry(3, told="maybe"), entry(4, told="refused")]
    return Evidence(
        entries={each.event.id: each for each in entries},
        accepted={"id-0": [FIRST], "id-1": [FIRST], "id-3": [SECOND]},
        letters=[letter(2, "StormRefused")],
        ledger=counts(accepted=4, delivered=3, dead=1),
        looks=Looks(10, 0, []),
        weather=Weather([], Counter()),
        logs=Logs(heard={"trace-1", "trace-2"}),
    )


def broken(seen: Evidence) -> set[str]:
    """The names of the checks that find something."""
    all_of_them = (checks.lost, checks.uninvited, checks.wrong_deaths, checks.order_breaks, checks.unbalanced)
    return {check.__name__ for check in all_of_them if check(seen)}


def accept(number: int, *requests: Request) -> Change:
    return lambda seen: seen.accepted.update({f"id-{number}": list(requests or [SECOND])})  # type: ignore[attr-defined]


def again(*numbers: int) -> Change:
    """The same events, first accepted in another order."""

    def change(seen: Evidence) -> None:
        seen.accepted = {f"id-{number}": [FIRST] for number in numbers}

    return change


def die(number: int, *codes: str) -> Change:
    return lambda seen: seen.letters.append(letter(number, *codes))


def count(**states: int) -> Change:
    def change(seen: Evidence) -> None:
        seen.ledger = counts(**states)

    return change


def test_sound_evidence_breaks_nothing() -> None:
    assert broken(evidence()) == set()
    assert duplicates(evidence()) == (0, Counter(), [])


def test_what_was_only_perhaps_accepted_may_be_missing() -> None:
    seen = evidence()
    again(0, 1)(seen)
    count(accepted=3, delivered=2, dead=1)(seen)
    assert broken(seen) == set()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (again(0, 3), {"lost"}),
        (again(1, 0, 3), {"order_breaks"}),
        (accept(4), {"uninvited"}),
        (accept(9), {"uninvited"}),
        (accept(2), {"wrong_deaths"}),
        (die(1, "StormRefused"), {"wrong_deaths", "unbalanced"}),
        (die(2, "StormRefused"), {"wrong_deaths", "unbalanced"}),
        (die(9, "StormRefused"), {"wrong_deaths", "unbalanced", "uninvited"}),
        (lambda seen: seen.letters.clear(), {"lost", "unbalanced"}),
        (lambda seen: seen.letters[0]["reasons"][0].update(code="Timeout"), {"wrong_deaths"}),
        (lambda seen: seen.looks.differences.append("a difference"), {"unbalanced"}),
        (count(accepted=2, delivered=1, dead=1), {"unbalanced"}),
        (count(accepted=5, delivered=4, dead=1), {"unbalanced"}),
        (count(accepted=4, delivered=2, dead=1), {"unbalanced"}),
        (count(accepted=4, delivered=2, waiting=1, dead=1), {"unbalanced"}),
        (count(accepted=4, delivered=4), {"unbalanced"}),
    ],
)
def test_a_broken_promise_is_seen(change: Change, found: set[str]) -> None:
    seen = evidence()
    change(seen)
    assert broken(seen) == found


def test_a_ledger_that_does_not_add_up_or_goes_back_is_seen() -> None:
    sound = counts(accepted=3, ready=1, delivered=2)
    assert differences({}, sound) == differences(sound, sound) == []
    assert len(differences(sound, counts(accepted=4, ready=1, delivered=2))) == 1
    assert len(differences(sound, counts(accepted=3, ready=2, delivered=1))) == 1


def test_a_second_acceptance_without_a_reason_is_seen() -> None:
    seen = evidence()
    accept(0, FIRST, SECOND)(seen)
    found = duplicates(seen)
    assert (found.came, found.most, len(found.unexplained)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("first", "logs", "kill", "why"),
    [
        (FIRST._replace(status=None), Logs({"trace-1", "trace-2"}), None, CUT),
        (FIRST._replace(ended=12.1), Logs({"trace-1", "trace-2"}), None, CUT),
        (FIRST, Logs({"trace-2"}), None, UNHEARD),
        (FIRST, Logs({"trace-1", "trace-2"}, late={"trace-1"}), None, LATE),
        (FIRST, Logs({"trace-1", "trace-2"}), Kill("worker", 10.2, 10.2, frozenset({"id-0"})), "a worker"),
        (FIRST, Logs({"trace-1", "trace-2"}), Kill("redis", 9.9, 11.0, frozenset({"id-0"})), "Redis"),
    ],
)
def test_a_lost_answer_allows_one_more_acceptance_and_no_second(
    first: Request, logs: Logs, kill: Kill | None, why: str
) -> None:
    seen = evidence()
    seen.logs, seen.weather = logs, Weather([kill] if kill else [], Counter())
    accept(0, first, SECOND)(seen)
    seen.accepted["id-1"][:] = [SECOND]
    found = duplicates(seen)
    assert (found.came, found.most, found.unexplained) == (1, 1, [])
    assert why in next(iter(found.bound))
    accept(0, first, SECOND, SECOND._replace(number=3, arrived=20, ended=20))(seen)
    assert len(duplicates(seen).unexplained) == 1


@pytest.mark.parametrize(
    "kill",
    [
        Kill("worker", 9.0, 9.0, frozenset({"id-0"})),
        Kill("worker", 18.0, 18.0, frozenset({"id-0"})),
        Kill("worker", 11.0, 11.0, frozenset({"id-1"})),
    ],
)
def test_a_kill_explains_no_duplicate_of_another_time_or_event(kill: Kill) -> None:
    seen = evidence()
    seen.weather.kills.append(kill)
    accept(0, FIRST, SECOND)(seen)
    assert len(duplicates(seen).unexplained) == 1


@pytest.mark.parametrize("kind", ["worker", "child", "redis", LATE])
def test_nothing_may_come_again_before_its_lease_is_over(kind: str) -> None:
    seen = evidence()
    if kind == LATE:
        seen.logs.late = {"trace-1"}
    else:
        seen.weather.kills.append(Kill(kind, 10.2, 10.2, frozenset({"id-0"})))
    accept(0, FIRST, SECOND._replace(arrived=11.0))(seen)
    assert len(duplicates(seen).unexplained) == 1


def test_logs_tell_which_answers_were_heard_and_which_came_too_late(tmp_path: Path) -> None:
    (tmp_path / "worker0.log").write_text(
        '{"event": "attempt", "batch": "1-a", "trace_id": "trace-1"}\n'
        '{"event": "attempt", "batch": "2-a", "trace_id": null}\n'
        '{"event": "settle_too_late", "batch": "1-a"}\n'
        "a line of somebody else\n"
        '{"event": "attempt_broke", "batch": "3-a"}\n'
        '{"event": "attem'
    )
    (tmp_path / "worker1.log").write_text('{"event": "attempt", "batch": "4-a", "trace_id": "trace-4"}\n')
    logs = read_logs(tmp_path)
    assert (logs.heard, logs.late, len(logs.surprises)) == ({"trace-1", "trace-4"}, {"trace-1"}, 1)
