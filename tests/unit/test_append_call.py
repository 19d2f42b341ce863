"""From checked events to one call of the append script: groups, order, sizes and times."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from producers.append import Append, Entry, append_call, entry, epoch
from producers.destinations import DESTINATIONS, Prepared, Whole
from producers.destinations.accounts import AccountCredentials
from producers.destinations.event_api import EVENT_API
from producers.keys import LAYOUT, Slot
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import decode
from tests.unit.samples import ACCOUNT, NOW, event, prepared

SLOT = Slot("forwarder", "event-api", 0)
BATCH = BatchSettings(max_events=100, max_bytes=1_000_000, linger_ms=250)
KEYS = AccountCredentials(public_key="rpub-1", secret_key="rsec-1")


class Group(NamedTuple):
    """One group of a call, as the script reads it."""

    account: str
    order: str
    kind: str
    caps: tuple[int, int]
    linger: int
    times: tuple[int, int]
    sizes: tuple[int, ...]
    stored: list[bytes]
    prints: bytes


def groups_of(call: Append) -> list[Group]:
    """Reads the arguments as the head of append.lua describes them. Fails the test if they do not add up."""
    layout, shards, now, batch_epoch, *bounds, window, cap_events, linger, sizes, prints, count = call.args[:13]
    rest = list(call.args[13:])
    assert (layout, shards, now, bounds, window) == (LAYOUT, 1, "", [0, 0, 80], 86_400)
    assert len(str(batch_epoch)) == 6
    assert isinstance(sizes, bytes)
    assert isinstance(prints, bytes)
    groups = []
    for _ in range(int(count)):
        account, order, kind, cap_bytes, oldest, newest, events = rest[:7]
        n = int(events)
        stored = [each for each in rest[7 : 7 + n] if isinstance(each, bytes)]
        unpacked = struct.unpack(f"<{n}I", sizes[: 4 * n])
        caps = (int(cap_events), int(cap_bytes))
        times = (int(oldest), int(newest))
        whose = (str(account), str(order), str(kind))
        groups.append(Group(*whose, caps, int(linger), times, unpacked, stored, prints[: 12 * n]))
        rest, sizes, prints = rest[7 + n :], sizes[4 * n :], prints[12 * n :]
    assert (rest, sizes, prints) == ([], b"", b"")
    return groups


def call_of(entries: list[Entry]) -> Append:
    return append_call(SLOT, BufferSettings(), EVENT_API, BATCH, entries)


def an_entry(number: int, account: str = "a", order: str = "", kind: str = "", time: int = NOW) -> Entry:
    return Entry(account, order, kind, time, 10 + number, b"event %d" % number)


few = st.sampled_from("abc")
PRINTS = st.binary(min_size=12, max_size=12)
many_entries = st.lists(
    st.builds(Entry, few, few, few, st.integers(0, 2**40), st.integers(1, 2**32 - 1), st.binary(max_size=9), PRINTS)
)


@given(many_entries)
def test_every_event_is_in_one_group_and_keeps_its_place_within_its_order_key(entries: list[Entry]) -> None:
    """Events of one order key leave in the order they came, whatever else comes between them."""
    groups = groups_of(call_of(entries))
    for key in {(each.account, each.order) for each in entries}:
        came = [(each.kind, each.size, each.stored) for each in entries if (each.account, each.order) == key]
        mine = [group for group in groups if (group.account, group.order) == key]
        assert [(g.kind, *each) for g in mine for each in zip(g.sizes, g.stored, strict=True)] == came
        assert all(before.kind != after.kind for before, after in pairwise(mine))
    assert sum(len(group.stored) for group in groups) == len(entries)


@given(many_entries)
def test_the_prints_go_with_their_events_and_each_place_of_the_call_leads_back_to_its_event(
    entries: list[Entry],
) -> None:
    """So that the answer, which speaks of places in the call, is told to the right event."""
    call = call_of(entries)
    groups = groups_of(call)
    assert sorted(call.places) == list(range(len(entries)))
    in_call = [one for group in groups for one in group.stored]
    assert in_call == [entries[place].stored for place in call.places]
    assert b"".join(group.prints for group in groups) == b"".join(entries[place].print for place in call.places)


@given(many_entries.filter(bool))
def test_a_group_says_its_oldest_and_newest_time(entries: list[Entry]) -> None:
    times = [time for group in groups_of(call_of(entries)) for time in group.times]
    assert (min(times), max(times)) == (
        min(each.event_time for each in entries),
        max(each.event_time for each in entries),
    )
    for group in groups_of(call_of([an_entry(1, time=30), an_entry(2, time=10), an_entry(3, time=20)])):
        assert group.times == (10, 30)


def test_a_change_of_kind_starts_a_new_group_and_a_change_back_another() -> None:
    entries = [
        an_entry(1, kind="plain"),
        an_entry(2, kind="plain"),
        an_entry(3, kind="hashed"),
        an_entry(4, kind="plain"),
    ]
    assert [(group.kind, len(group.stored)) for group in groups_of(call_of(entries))] == [
        ("plain", 2),
        ("hashed", 1),
        ("plain", 1),
    ]


def test_events_of_other_accounts_between_do_not_start_a_new_group() -> None:
    """A checkout's events come mixed; each account still fills one batch."""
    entries = [an_entry(number, account="ab"[number % 2]) for number in range(10)]
    assert [(group.account, len(group.stored)) for group in groups_of(call_of(entries))] == [("a", 5), ("b", 5)]


def test_prints_stay_at_home_where_no_id_is_noted() -> None:
    batch = BatchSettings(max_events=100, max_bytes=1_000_000, duplicates_window_s=0)
    assert append_call(SLOT, BufferSettings(), EVENT_API, batch, [an_entry(1)]).args[11] == b""


def test_a_call_declares_the_first_of_the_fixed_keys_and_counts_them() -> None:
    call = call_of([an_entry(1)])
    assert call.keys == SLOT.fixed[:5]
    assert call.command[:6] == [5, *SLOT.fixed[:5]]


def test_a_group_carries_the_caps_and_the_linger() -> None:
    """The cap in bytes is what is left of a request beside its envelope."""
    (group,) = groups_of(call_of([an_entry(1, account=ACCOUNT)]))
    assert group.caps == (100, 1_000_000 - len('{"accountId":"12345","events":[]}'))
    assert group.linger == 250


@given(st.text(min_size=1, max_size=64), st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_the_sizes_add_up_to_the_request(account: str, values: list[str]) -> None:
    """So that a batch below the cap makes a request below it: sizes, commas included, and the envelope."""
    made = [prepared(event(objectData=[{"name": "a", "value": value}]), account=account) for value in values]
    entries = [entry(account, each, NOW) for each in made]
    request = DESTINATIONS["event-api"].request("http://h", Whole(account), [each.payload for each in made], KEYS)
    assert len(request.body) == EVENT_API.envelope_bytes(account, "", "") + sum(each.size for each in entries) - 1


def test_an_entry_stores_the_payload_and_when_it_came() -> None:
    made = prepared(event())
    stored = decode(entry(ACCOUNT, made, NOW).stored)
    assert (stored.payload, stored.enqueued_at, stored.event_time) == (made.payload, NOW, made.event_time)
    assert (stored.id, stored.trace, stored.history) == ("", "", ())


def test_an_entry_keeps_an_id_that_the_payload_does_not_hold() -> None:
    made = Prepared("x", NOW, b"{}", header_id="x")
    stored = decode(entry(ACCOUNT, made, NOW, trace="t").stored)
    assert (stored.id, stored.trace) == ("x", "t")


def test_epochs_differ() -> None:
    """A Redis that came back older than it was must not give one batch id out twice."""
    made = {epoch() for _ in range(100)}
    assert len(made) > 90
    assert all(len(each) == 6 for each in made)
