"""A dead letter's event is replaced if it is still as it was read; its original is found by an erasure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from producers.append import Entry, entry
from producers.destinations.audience import AUDIENCE
from producers.destinations.event_api import EVENT_API
from producers.keys import Slot
from producers.preparer import Preparer
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import decode
from tests.buffer.support import World
from tests.buffer.test_erasure import JANE, MARY, of_event_api, place
from worker.dead_letters import DeadLetters, Editor, Filter, NotEdited, Opened
from worker.erasure.person import Person

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)
PREPARER = Preparer({"event-api": CAPS, "audience": CAPS})


def made(world: World, name: str, email: str) -> Entry:
    event = {"clientEventId": name, "eventType": "conversoin", "objectData": [{"name": "email", "value": email}]}
    prepared = EVENT_API.prepare("acme", event, name, world.now)
    return entry("acme", replace(prepared, header_id=name), world.now)  # where this world looks for it


def buffer(world: World) -> BufferSettings:
    return BufferSettings(key_prefix=world.slot.namespace)


def editor(world: World) -> Editor:
    return Editor(world.redis, buffer(world), PREPARER, lambda: world.now)


def letters(world: World) -> DeadLetters:
    return DeadLetters(world.redis, buffer(world), lambda _: CAPS)


async def dead(world: World, email: str = JANE, name: str = "e1") -> Opened:
    world.linger_ms = 0
    await world.append(made(world, name, email))
    await world.kill(await world.claim_one())
    (opened,) = await editor(world).named(name)
    return opened


async def edit(world: World, opened: Opened, **changed: Any) -> None:
    change = editor(world).change(opened, {**opened.event, **changed})
    await editor(world).edit(change, by="ann@a", why="a typo")
    await world.check()


def email(address: str) -> list[dict[str, str]]:
    return [{"name": "email", "value": address}]


async def test_the_event_changes_and_all_else_stays(world: World) -> None:
    """It is replayed in a batch of its new size, under its first id and time."""
    opened = await dead(world)
    await edit(world, opened, eventType="conversion", objectData=email(MARY))
    (again,) = await editor(world).named("e1")
    assert again.event == {**opened.event, "eventType": "conversion", "objectData": email(MARY)}
    before, after = opened.letter, again.letter
    assert after._replace(event=before.event) == before
    assert after.event.enqueued_at == before.event.enqueued_at
    assert after.event.history[:1] == before.event.history
    assert await world.replay([after.number]) == 1
    batch = await world.claim_one()
    (stored,) = await world.read(batch)
    assert decode(stored).payload == after.event.payload
    assert batch.size == len(after.event.payload) + 1
    await world.kill(batch)
    (third,) = await editor(world).named("e1")
    kinds = ["edited" in each for each in third.letter.event.history]
    assert kinds == [False, True, False], "the original stays through a replay"
    assert third.letter.event.history[1]["edited"]["original"] == opened.event


@pytest.mark.parametrize("meanwhile", ["replayed", "discarded", "edited"])
async def test_a_letter_that_somebody_else_dealt_with_meanwhile_is_not_touched(world: World, meanwhile: str) -> None:
    opened = await dead(world)
    if meanwhile == "edited":
        await edit(world, opened, eventType="signup")
    else:
        chosen = await letters(world).choose(Filter())
        await (letters(world).replay(chosen) if meanwhile == "replayed" else letters(world).discard(chosen))
    before = await world.picture()
    with pytest.raises(NotEdited, match="by somebody else" if meanwhile == "edited" else "not there any more"):
        await edit(world, opened, eventType="conversion")
    assert await world.picture() == before


async def test_two_who_edit_one_letter_at_a_time_do_not_overwrite_each_other(world: World) -> None:
    opened = await dead(world)
    await edit(world, opened, eventType="one")
    (again,) = await editor(world).named("e1")
    await edit(world, again, eventType="two")
    (last,) = await editor(world).named("e1")
    originals = [each["edited"]["original"]["eventType"] for each in last.letter.event.history if "edited" in each]
    assert originals == ["conversoin", "one"]
    assert await editor(world).open(world.slot, "000000000099") is None


async def test_what_lets_a_letter_expire_follows_the_time_of_its_event(world: World) -> None:
    opened = await dead(world)
    await edit(world, opened, eventTime="2026-11-01T00:00:00Z")
    (again,) = await editor(world).named("e1")
    assert again.letter.expires_at is not None
    assert again.letter.expires_at < (opened.letter.expires_at or 0)
    score = await world.redis.zscore(world.slot.key("dead_expires"), again.letter.number)
    assert score == again.letter.event.event_time


async def test_list_and_action_of_a_member_follow_the_event(world: World) -> None:
    """Its time does not: it is when it was enqueued."""
    world.slot, world.linger_ms = Slot(world.slot.namespace, "audience", 0), 0
    event = {"action": "include", "email": JANE}
    await world.append(entry("acme", AUDIENCE.prepare("acme", event, "m1", world.now), world.now))
    await world.kill(await world.claim_one())
    (opened,) = await editor(world).named("m1", "audience")
    world.later(5_000)
    change = editor(world).change(opened, {"action": "exclude", "email": MARY, "list": "VIP"})
    await editor(world).edit(change, by="ann@a", why="")
    await world.check()
    (again,) = await editor(world).named("m1", "audience")
    assert (again.letter.of.order, again.letter.of.kind) == ("VIP", "exclude plain")
    assert again.letter.event.event_time == opened.letter.event.event_time
    assert again.letter.event.history[-1]["edited"]["original"] == event
    assert Person([JANE]).is_in(again.letter.event.encode())


async def test_an_erasure_finds_a_person_in_what_an_event_was_before(world: World) -> None:
    """As a dead letter, and when it waits again; the event that was put in its place goes with it."""
    await edit(world, await dead(world), objectData=email(MARY))
    found = await place(world).find(Person([JANE]))
    assert found.events == of_event_api(dead=1)
    await world.replay(["000000000001"])
    assert (await place(world).find(Person([JANE]))).events == of_event_api(ready=1)
    assert (await place(world).find(Person([MARY]))).events == of_event_api(ready=1)
    assert (await place(world).find(Person(["ann@example.com"]))).events.total() == 0
    assert (await place(world).erase(Person([JANE]))).events == of_event_api(ready=1)
    await world.check()
    assert not (await world.picture()).batches


async def test_a_message_of_the_intake_is_theirs_by_what_it_was(world: World) -> None:
    person = Person([JANE])
    line = msgspec.json.encode({"destination": "event-api", "note": f"to {JANE}"})
    history = ({"at": "then", "edited": {"by": "ann@a", "why": "", "original": msgspec.json.decode(line)}},)
    stored = decode((await dead(world, MARY)).letter.event.encode())
    edited = msgspec.structs.replace(stored, payload=b"{}", history=history).encode()
    assert person.is_in_message(edited)
    assert not person.is_in(edited), "in an event, an address is a value of its own"
    assert not Person([MARY]).is_in_message(edited)
