"""Redis away in every way: `enqueue` gives back an id all the same, and every event is in Redis when it is back."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from producers import ConfigurationError, EnqueueFailed, EventId, Fate, InvalidEvent, Producer
from producers.keys import Slot
from producers.settings import spool_settings
from tests.integration.support import eventually
from tests.spool.events import SESSIONS, lines, of_session, one
from tests.spool.support import Shop, frozen, none_twice, numbers_of
from worker.connection.client import sync_redis
from worker.stack.ports import free_port

EVENTS = 20


def fill(producer: Producer) -> None:
    for number in range(5_000):
        one(producer, f"e{number}")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_events_of_an_absence_are_spooled_and_come_to_redis_when_it_is_back(shop: Shop, end: str) -> None:
    """And then nothing is left of the file, and new events go straight to Redis."""
    with contextlib.closing(shop.producer()) as producer:
        assert one(producer, "before").fate is Fate.BUFFERED
        getattr(shop.redis, end)()
        given = [one(producer, f"e{number}") for number in range(EVENTS)]
        assert {each.fate for each in given} == {Fate.SPOOLED}
        assert all(each.spooled for each in given)
        assert shop.spooled() == EVENTS
        shop.redis.restart()
        arrived = shop.arrived({"before", *given})
        assert one(producer, "after").fate is Fate.BUFFERED
        assert sum(arrived.values()) == EVENTS + 1
        eventually(lambda: not shop.names())


def test_a_frozen_redis_costs_one_wait_and_no_event(shop: Shop) -> None:
    """What timed out may come twice, once from the socket and once from the spool; the ids' index counts it once."""
    with contextlib.closing(shop.producer()) as producer:
        one(producer, "before")
        with frozen(shop.redis):
            given = {one(producer, f"e{number}") for number in range(EVENTS)}
            assert shop.spooled() == EVENTS
        arrived = shop.arrived({"before", *given})
        assert none_twice(arrived)
        assert sum(arrived.values()) - len(arrived) <= 2 + EVENTS // 4  # the attempts of the time without an answer
        assert one(producer, "after").fate is Fate.BUFFERED


def test_what_a_full_buffer_refuses_is_spooled_until_there_is_room(shop: Shop) -> None:
    shop.env["FORWARDER_EVENT_API_MAX_BUFFERED_EVENTS"] = "3"
    with contextlib.closing(shop.producer()) as producer:
        fates = [one(producer, f"e{number}").fate for number in range(6)]
        assert fates == [Fate.BUFFERED] * 3 + [Fate.SPOOLED] * 3
        assert of_session(producer, "s", 0).fate is Fate.BUFFERED, "another destination is not full"
        (file,) = shop.files()
        assert "wait already" in file.why
        with sync_redis(shop.redis.url) as redis:
            slot = Slot(shop.env["FORWARDER_KEY_PREFIX"], "event-api", 0)
            redis.hset(slot.key("ledger"), "open", -10)  # as if delivered
        assert sum(shop.arrived({f"e{number}" for number in range(6)}).values()) == 6


def test_a_session_stays_in_order_over_the_end_of_an_absence(shop: Shop) -> None:
    """While some of it wait in the spool the next ones wait behind them; other sessions are not held up."""
    with contextlib.closing(shop.producer()) as producer:
        of_session(producer, "s", 0)
        shop.redis.kill()
        for number in range(1, 10):
            of_session(producer, "s", number)
        shop.redis.restart()
        others = (of_session(producer, f"other {number}", 0) for number in count())
        eventually(lambda: next(others).fate is Fate.BUFFERED)
        number = 10
        while of_session(producer, "s", number).fate is Fate.SPOOLED:
            number += 1
        shop.arrived({f"s/{each}" for each in range(number + 1)}, SESSIONS)
        assert numbers_of(shop.stored(SESSIONS), "s") == list(range(number + 1))


def test_five_hundred_events_are_one_commit_and_keep_their_order(shop: Shop) -> None:
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        results = producer.enqueue_many(lines(0, 500))
        assert {each.fate for each in results} == {Fate.SPOOLED}
        assert all(isinstance(each.id, EventId) for each in results)
        shop.redis.restart()
        shop.arrived({each.id for each in results})
        assert shop.stored() == [each.id for each in results]


def test_an_invalid_event_is_never_spooled(shop: Shop) -> None:
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        with pytest.raises(InvalidEvent):
            producer.enqueue("event-api", account="1", event={"eventType": 7})
        assert not shop.folder.exists()


def test_the_folder_and_its_files_are_for_their_user_alone(shop: Shop) -> None:
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        one(producer, "e")
        modes = {stat.S_IMODE(each.stat().st_mode) for each in shop.folder.iterdir()}
        assert stat.S_IMODE(shop.folder.stat().st_mode) == 0o700
        assert modes == {0o600}


def test_at_the_bound_of_the_folder_a_producer_is_told_both_reasons(shop: Shop) -> None:
    shop.env["FORWARDER_SPOOL_MAX_BYTES"] = "200000"
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        with pytest.raises(EnqueueFailed, match=r"cannot be reached.*FORWARDER_SPOOL_MAX_BYTES allows") as caught:
            fill(producer)
        assert not caught.value.maybe_accepted
        spooled = shop.spooled()
        assert spooled > 10
        shop.redis.restart()
        shop.arrived({f"e{number}" for number in range(spooled)})
        eventually(lambda: not shop.names())
        shop.redis.kill()
        assert one(producer, "room again").spooled


def test_a_folder_that_cannot_be_used_is_told_with_what_redis_said(shop: Shop, tmp_path: Path) -> None:
    """After a time-out the event may be in Redis all the same."""
    (tmp_path / "file").write_text("")
    shop.env["FORWARDER_SPOOL_DIR"] = str(tmp_path / "file" / "spool")
    with contextlib.closing(shop.producer()) as producer:
        one(producer, "before")
        with frozen(shop.redis), pytest.raises(EnqueueFailed, match=r"file/spool cannot take it: NotADir") as caught:
            one(producer, "e")
        assert caught.value.maybe_accepted
        assert caught.value.id == "e"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_is_only_readable_is_told(shop: Shop) -> None:
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as producer:
        os.seteuid(65534)
        try:
            with pytest.raises(EnqueueFailed, match="PermissionError") as caught:
                one(producer, "e")
        finally:
            os.seteuid(0)
        assert not caught.value.maybe_accepted


def test_two_producers_of_a_process_share_one_file(shop: Shop) -> None:
    """So that the order of a session holds over both; the file stays until the last of them is closed."""
    shop.redis.kill()
    with contextlib.closing(shop.producer()) as one_of_two, contextlib.closing(shop.producer()) as other:
        for number in range(6):
            of_session(one_of_two if number % 2 else other, "s", number)
        assert len(shop.files()) == 1
        one_of_two.close()
        shop.redis.restart()
        shop.arrived({f"s/{number}" for number in range(6)}, SESSIONS)
        assert numbers_of(shop.stored(SESSIONS), "s") == list(range(6))


def test_a_storm_of_threads_loses_nothing_and_keeps_the_order_of_each(shop: Shop) -> None:
    """Redis comes and goes meanwhile. Each thread has a session of its own."""
    sure: dict[int, int] = {}
    done = threading.Event()

    def sold(most: int) -> bool:
        return sum(sure.copy().values()) > most

    def sell(thread: int) -> None:
        while not done.wait(0.005):
            of_session(producer, f"t{thread}", sure.get(thread, -1) + 1)
            sure[thread] = sure.get(thread, -1) + 1

    with contextlib.closing(shop.producer()) as producer, ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(sell, thread) for thread in range(12)]
        for _ in range(2):
            before = sum(sure.values())
            shop.redis.kill()
            eventually(partial(sold, before + 200))
            shop.redis.restart()
            eventually(lambda: not shop.spooled())
        done.set()
        for each in futures:
            each.result()
        expected = {f"t{thread}/{number}" for thread, last in sure.items() for number in range(last + 1)}
        shop.arrived(expected, SESSIONS)
        stored = shop.stored(SESSIONS)
        for thread, last in sure.items():
            assert numbers_of(stored, f"t{thread}") == list(range(last + 1))


def test_a_process_that_ends_leaves_what_it_must_and_nothing_empty(shop: Shop) -> None:
    """Without a word to the producer: the end of the interpreter is enough."""
    program = (
        "from producers import Producer; p = Producer.from_env();"
        "print(p.enqueue('event-api', account='1', event={'clientEventId': 'e', 'eventType': 'conversion'}).fate)"
    )

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-c", program], env=shop.env, capture_output=True, text=True, check=True, timeout=20
        )
        assert "Traceback" not in done.stderr
        return done.stdout.strip()

    assert (run(), shop.names()) == ("buffered", [])
    shop.redis.kill()
    assert run() == "spooled"
    (file,) = shop.files()
    assert (file.state, file.events) == ("orphan", 1)


def test_without_a_folder_nothing_of_it_is_loaded() -> None:
    program = "import producers, sys; producers.Producer.from_env({}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name == "sqlite3" or "spool" in name]


@pytest.mark.parametrize(
    ("variable", "wrong"), [("FORWARDER_SPOOL_SYNC", "always"), ("FORWARDER_SPOOL_MAX_BYTES", "much")]
)
def test_a_setting_that_cannot_be_used_is_named(variable: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        Producer.from_env({"FORWARDER_SPOOL_DIR": "spool", variable: wrong})


class _NoWindow:
    """As the settings of a destination whose ids are not looked at."""

    duplicates_window_s = 0


def test_a_spool_without_a_window_for_duplicates_is_refused() -> None:
    """What timed out is sent again, and only the index of ids would see it."""
    with pytest.raises(ConfigurationError, match=r"FORWARDER_DUPLICATES_WINDOW_S.*FORWARDER_SPOOL_DIR"):
        spool_settings({"FORWARDER_SPOOL_DIR": "spool"}, {"event-api": _NoWindow()})  # type: ignore[dict-item]


def test_a_redis_that_was_never_there_fills_the_spool(shop: Shop) -> None:
    shop.env["FORWARDER_REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    with contextlib.closing(shop.producer()) as producer:
        assert one(producer, "e").spooled
    (file,) = shop.files()
    assert (file.state, file.events) == ("orphan", 1)


def test_what_no_checkout_waits_for_is_told_and_not_spooled(shop: Shop) -> None:
    """The intake and a replay can try again: there a message stays where it is, and not on a worker's disk."""
    shop.redis.kill()
    env = {**shop.env, "FORWARDER_ENQUEUE_BUDGET_MS": "200"}
    with contextlib.closing(Producer.patient(env)) as patient, pytest.raises(EnqueueFailed):
        one(patient, "told")
    assert shop.names() == []
