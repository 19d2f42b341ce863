"""Anything that Python code may hand to a producer, or a file to the command line: taken, or refused by field."""

from __future__ import annotations

import datetime
import io
import json
import re
from collections import OrderedDict, UserDict, deque
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers import InvalidEvent, Producer
from producers.clock import now_ms, rfc3339
from producers.connection import Connection
from producers.destinations import DESTINATIONS
from producers.lines import Line
from producers.settings import BatchSettings, BufferSettings
from tests.apis.cases import CASES
from tests.unit.samples import json_values
from tests.unit.test_enqueue import FakeConnection
from worker.cli.lines_of_file import LONGEST, Counted, Read, UnusableFile, csv_lines, json_lines

FIELDS = ("destination", "account", "event", "id", "line")
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Text(str):
    """What a framework may give in place of a text."""

    __slots__ = ()


def endless(inside: Any) -> Any:
    """A structure that holds itself."""
    if isinstance(inside, dict):
        inside["self"] = inside
    else:
        inside.append(inside)
    return inside


strange = st.sampled_from(
    [
        *(b"bytes", bytearray(b"x"), memoryview(b"x"), 1j, Decimal("85.00"), Decimal("NaN"), Fraction(1, 3), ...),
        *({1, 2}, frozenset("a"), (), (1, 2), range(3), deque([1]), OrderedDict(a=1), UserDict(a=1), object(), object),
        *(
            datetime.datetime.now(datetime.UTC),
            datetime.timedelta(1),
            Text("t"),
            Text(""),
            "\udc00",
            "\0",
            "é" * 70_000,
        ),
        *(float("nan"), float("inf"), -0.0, 10**400, -(2**63), {1: 2}, {None: 1}, {b"k": 1}, {"\udc00": 1}, {(): ()}),
        *(
            endless([]),
            endless({}),
            lambda: 1,
            int,
            NotImplemented,
            Exception("x"),
            iter([1]),
            True,
            None,
            "",
            "x" * 200,
        ),
    ]
)
anything = st.recursive(
    strange | json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def producer() -> tuple[Producer, FakeConnection]:
    connection = FakeConnection()
    batches = {
        name: BatchSettings(max_events=to.max_events, max_bytes=to.max_bytes) for name, to in DESTINATIONS.items()
    }
    return Producer(BufferSettings(), batches, cast("Connection", connection)), connection


def good(name: str, number: int = 0) -> dict[str, Any]:
    fields = {"eventTime": rfc3339(now_ms())} if "eventTime" in CASES[name].event else {}
    own = {"event-api": "clientEventId", "server-events": "clientUniqueId", "audience": "email"}[name]
    return CASES[name].event | fields | {own: f"n{number}@example.com"}


@st.composite
def nearly(draw: st.DrawFn, name: str) -> Any:
    """A good event, with something strange at one or two places, or as a whole."""
    event = good(name)
    for field in draw(st.lists(st.sampled_from([*event, "new", "metaData", "metadata"]), max_size=2)):
        event[field] = draw(anything | st.lists(st.dictionaries(st.sampled_from(["name", "value"]), anything)))
    return draw(st.just(event) | st.just(event) | st.just(UserDict(event)) | anything)


def check_refusal(error: InvalidEvent, of: tuple[str, ...] = ()) -> None:
    """Its faults, in words; each `of` these fields, if they are given."""
    assert error.faults
    assert all(fault.message for fault in error.faults)
    assert not of or {re.split(r"[.\[]", fault.field)[0] for fault in error.faults} <= set(of), error


@pytest.mark.parametrize("name", DESTINATIONS)
@quick
@given(data=st.data())
def test_any_value_as_any_argument_is_taken_or_refused_by_field(name: str, data: st.DataObject) -> None:
    shop, connection = producer()
    destination: Any = data.draw(st.just(name) | st.just(name) | st.just(name) | anything)
    account: Any = data.draw(st.just("12345") | st.just("12345") | anything)
    event: Any = data.draw(nearly(name))
    event_id: Any = data.draw(st.none() | st.none() | st.text(max_size=9) | anything)
    try:
        accepted = shop.enqueue(destination, account=account, event=event, id=event_id)
    except InvalidEvent as error:
        check_refusal(error, FIELDS)
        assert not connection.calls
    else:
        assert isinstance(accepted, str)
        assert len(connection.calls) == 1
        payload = connection.calls[0][-1]
        assert isinstance(payload, bytes)


@quick
@given(data=st.data())
def test_any_line_among_good_ones_costs_itself_alone(data: st.DataObject) -> None:
    shop, connection = producer()
    lines: list[Any] = []
    for number in range(data.draw(st.integers(1, 5))):
        name = data.draw(st.sampled_from([*DESTINATIONS]))
        lines.append({"destination": name, "account": "12345", "event": good(name, number)})
        line = {"destination": name, "account": "12345", "event": data.draw(nearly(name))}
        line |= data.draw(st.dictionaries(st.sampled_from([*FIELDS]), anything, max_size=1))
        lines.append(data.draw(st.just(line) | st.just(line) | anything))
    results = shop.enqueue_many(lines)
    assert len(results) == len(lines)
    for place, result in enumerate(results):
        assert result.error is None or place % 2 == 1, result.error
        if result.error is not None:
            assert isinstance(result.error, InvalidEvent)
            check_refusal(result.error)
    sent = b"".join(part for call in connection.calls for part in call if isinstance(part, bytes))
    assert all(f"n{number}@example.com".encode() in sent for number in range(len(lines) // 2))


GOOD_LINE = json.dumps({"destination": "audience", "account": "1", "event": good("audience")}).encode()
line_bytes = (
    st.binary(max_size=40)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.integers(1, len(GOOD_LINE) - 1).map(lambda end: GOOD_LINE[:end])
    | st.sampled_from([b"[" * 30_000, b'{"a":' * 20_000, b'"\\ud800"', b"\xff\xfe{\0}\0", b"1e999", b"-", b"NaN"])
).map(lambda line: line.replace(b"\n", b" "))


@quick
@given(st.lists(line_bytes, max_size=6))
def test_any_bytes_among_good_lines_of_json_are_told_by_their_number(bad: list[bytes]) -> None:
    text = b"".join(GOOD_LINE + b"\n" + line + b"\n" for line in bad)
    reads = list(json_lines(Counted(io.BytesIO(text))))
    check_reads(reads, [2 * place + 1 for place in range(len(bad))], 2 * len(bad))


cells = st.text(max_size=8).filter(lambda cell: not set(cell) & set('"\r\n'))
rows = (
    st.binary(max_size=30).filter(lambda row: not set(row) & set(b'"\r\n'))
    | st.lists(cells, max_size=5).map(lambda row: ",".join(row).encode("utf-8", "surrogatepass"))
    | st.sampled_from([b"x" * (LONGEST + 5), b"\0", b",,,,", b"\xff", b";;"])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(rows, max_size=6), st.sampled_from([b"\n", b"\r\n"]))
def test_any_bytes_among_good_rows_of_csv_are_told_by_their_number(bad: list[bytes], end: bytes) -> None:
    text = b"account,action,email" + end
    text += b"".join(b"1,include,a@example.com" + end + row + end for row in bad)
    reads = list(csv_lines(Counted(io.BytesIO(text), LONGEST), {}))
    check_reads(reads, [2 * place + 2 for place in range(len(bad))], 2 * len(bad) + 1)


def check_reads(reads: list[Read], good_numbers: list[int], last: int) -> None:
    numbers = [read.number for read in reads]
    assert numbers == sorted(set(numbers))
    assert set(good_numbers) <= {read.number for read in reads if isinstance(read.line, Line)}
    assert all(1 <= number <= last for number in numbers)
    for read in reads:
        if isinstance(read.line, InvalidEvent):
            check_refusal(read.line)


@quick
@given(st.binary(max_size=200), st.sampled_from([b"", b"account,action,email\n", b'account,action,"email\n']))
def test_any_bytes_at_all_are_rows_or_a_file_that_cannot_be_used(text: bytes, head: bytes) -> None:
    """Quotes and all."""
    told: list[str] = []
    for reading in (json_lines(Counted(io.BytesIO(text))), csv_lines(Counted(io.BytesIO(head + text), LONGEST), {})):
        try:
            reads = list(reading)
        except UnusableFile as error:
            told.append(str(error))
        else:
            check_reads(reads, [], text.count(b"\n") + text.count(b"\r") + 2)
    assert all(told)


def test_a_mapping_of_any_kind_is_an_event() -> None:
    shop, _ = producer()
    event: Mapping[str, Any] = UserDict(good("event-api"))
    assert shop.enqueue("event-api", account="1", event=event) == "n0@example.com"
