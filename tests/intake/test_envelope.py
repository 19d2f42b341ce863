"""Whatever a list of the queue holds becomes an event or a dead letter, with what came and why."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection

from producers import InvalidEvent
from producers.lines import Line
from tests.conftest import Environment
from tests.intake.support import Buffer, Shop, line, reading
from tests.integration.support import eventually
from worker.intake.envelope import message_of
from worker.intake.hand_over import Message
from worker.intake.redis_queue import Counts

TEXT = json.dumps(line("e1"))
ENVELOPE: dict[str, Any] = {
    "body": base64.b64encode(TEXT.encode()).decode(),
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "headers": {},
    "properties": {"delivery_tag": "1", "body_encoding": "base64", "delivery_info": {}, "delivery_mode": 2},
}


def envelope(**changes: Any) -> bytes:
    return json.dumps({**ENVELOPE, **changes}).encode()


def properties(**changes: Any) -> dict[str, Any]:
    return {**ENVELOPE["properties"], **changes}


@pytest.fixture(scope="module")
def channel() -> Any:
    """Decoding is the same for every virtual transport of kombu."""
    with Connection("memory://") as connection:
        return connection.channel()


@pytest.mark.parametrize(
    "raw",
    [
        envelope(),
        envelope(body=TEXT, properties=properties(body_encoding="utf-8")),
        envelope(body=TEXT, properties={"delivery_tag": "1"}),
        envelope(
            body=base64.b64encode(zlib.compress(TEXT.encode())).decode(), headers={"compression": "application/x-gzip"}
        ),
        TEXT.encode(),
        json.dumps({**line("e1"), "id": "e1"}, indent=2).encode(),
    ],
    ids=["base64", "utf-8", "no encoding", "compressed", "a plain line", "a plain line over several lines"],
)
def test_a_line_is_found_in_kombus_envelope_and_without_one(channel: Any, raw: bytes) -> None:
    message = message_of(raw, channel)
    assert isinstance(message.line, Line)
    assert message.line.event["clientEventId"] == "e1"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 200_000,
        b'{"body": "", "properties": {}}',
        b'{"body": 1, "properties": 1}',
        b'{"__type__": "datetime", "__value__": 1}',
        envelope(body=""),
        envelope(body=None),
        envelope(body="no base64!"),
        envelope(body={"a": 1}),
        envelope(body=[TEXT], properties={"delivery_tag": "1"}),
        envelope(body="\ud800", properties={"delivery_tag": "1"}),
        envelope(headers={"compression": "application/x-gzip"}),
        envelope(headers={"compression": "nothing known"}),
        envelope(headers=[1]),
        envelope(properties=properties(body_encoding="nothing known")),
        envelope(properties=properties(body_encoding=7)),
        envelope(properties={"body_encoding": "base64"}),
    ],
)
def test_what_cannot_be_decoded_keeps_its_raw_bytes(channel: Any, raw: bytes) -> None:
    message = message_of(raw, channel)
    assert isinstance(message.line, InvalidEvent)
    assert message.kept == raw


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """With the names that mean something to kombu, and others."""
    names = ["body", "properties", "headers", "body_encoding", "delivery_tag", "compression", "__type__", "__value__"]
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=5), values, max_size=5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | _objects(inner)
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_that_a_list_can_hold_raises(raw: bytes) -> None:
    """One message that did would hold up all that come after it."""
    with Connection("memory://") as connection:
        assert isinstance(message_of(raw, connection.channel()), Message)


@given(
    body=JSON,
    headers=JSON,
    properties=st.fixed_dictionaries(
        {"delivery_tag": st.text()}, optional={"body_encoding": JSON | st.sampled_from(["base64", "utf-8"])}
    )
    | JSON,
)
def test_no_envelope_raises(body: Any, headers: Any, properties: Any) -> None:
    with Connection("memory://") as connection:
        raw = envelope(body=body, headers=headers, properties=properties)
        assert isinstance(message_of(raw, connection.channel()), Message)


def test_of_an_invalid_line_the_line_is_kept_without_its_envelope(channel: Any) -> None:
    text = json.dumps(line("e1", eventType=1, surprise=True))
    message = message_of(envelope(body=base64.b64encode(text.encode() + b"}").decode()), channel)
    assert isinstance(message.line, InvalidEvent)
    assert message.kept == text.encode() + b"}"


def test_each_message_becomes_an_event_or_a_dead_letter_and_holds_nothing_up(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """Empty ones, some without sense, invalid ones, large ones: on a real queue, beside good ones."""
    shop.send(line("e1"), "", b"\xff rubbish", [1], line("bad", eventType=""))
    shop.push(b"", b"\xff\xfe", json.dumps(line("e2")).encode(), envelope(body="no base64!"))
    shop.send(line("e3"), compression="zlib")
    shop.send(line("large", objectData=[{"name": "n", "value": "x" * 2_000_000}]), b"y" * 20_000_000)
    shop.send(line("e4"), priority=9)
    with reading(env):
        eventually(lambda: shop.queue.count() == Counts(0, 0))
    assert buffer.ids() == ["e1", "e2", "e3", "e4"]
    kept = [raw for raw, _ in buffer.letters()]
    assert len(kept) == 9
    assert {b"", b"\xff\xfe", b"\xff rubbish", b"[1]", b"y" * 20_000_000, envelope(body="no base64!")} <= set(kept)
