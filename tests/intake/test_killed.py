"""A worker that ends at the worst moment loses no message, and doubles none that has an id of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import Environment
from tests.intake.support import Buffer, Shop, line, names, reading
from tests.integration.support import eventually
from worker.intake.redis_queue import MOST, Counts

SENT = 1_200
BAD = "no line"


def killed(env: Environment, step: str) -> None:
    """A reader that takes messages from the queue and is killed at this step."""
    command = [sys.executable, "-m", "tests.intake.killed_at", step]
    ended = subprocess.run(command, env=env, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


def read_to_the_end(env: Environment, shop: Shop) -> None:
    with reading(env):
        eventually(lambda: shop.queue.count() == Counts(0, 0))


@pytest.mark.parametrize(("step", "appended"), [("taken", 0), ("appended", MOST), ("before the removal", MOST)])
def test_a_worker_killed_at_a_step_loses_and_doubles_nothing(
    shop: Shop, buffer: Buffer, env: Environment, step: str, appended: int
) -> None:
    shop.send(*(line(name) for name in names(SENT)))
    killed(env, step)
    assert shop.queue.count() == Counts(waiting=SENT - MOST, taken=MOST)
    assert buffer.ids() == names(appended)
    shop.lapse()
    read_to_the_end(env, shop)
    assert buffer.ids() == names(SENT), "in the order in which they were sent"


def test_a_worker_killed_after_it_kept_a_dead_letter_loses_nothing(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    shop.send(line("e0"), BAD, line("e1"))
    killed(env, "rejected")
    assert shop.queue.count() == Counts(waiting=0, taken=3)
    shop.lapse()
    read_to_the_end(env, shop)
    assert buffer.ids() == ["e0", "e1"]
    assert [raw for raw, _ in buffer.letters()] == [b"no line"] * 2


def test_a_worker_killed_while_it_gives_back_what_another_had_taken_loses_nothing(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    shop.send(*(line(name) for name in names(SENT)))
    killed(env, "taken")
    shop.lapse()
    killed(env, "given back")
    assert shop.queue.count() == Counts(waiting=SENT, taken=0)
    read_to_the_end(env, shop)
    assert buffer.ids() == names(SENT)


def test_a_message_without_an_id_of_its_own_comes_twice_if_its_worker_dies_after_the_append(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """Nobody can tell it from another one that says the same."""
    nameless = line("")
    del nameless["event"]["clientEventId"]
    shop.send(nameless)
    killed(env, "appended")
    shop.lapse()
    read_to_the_end(env, shop)
    assert len(set(buffer.ids())) == 2


def test_workers_killed_one_after_another_double_nothing(shop: Shop, buffer: Buffer, env: Environment) -> None:
    shop.send(*(line(name) for name in names(SENT)))
    for step in ("before the removal", "taken", "appended"):
        killed(env, step)
    shop.lapse()
    read_to_the_end(env, shop)
    assert sorted(buffer.ids()) == sorted(names(SENT))


def test_a_take_whose_worker_died_is_given_back_when_its_lease_is_over(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """By the clock of Redis, without help."""
    shop.send(line("e0"))
    killed(env, "taken")
    with reading(env):
        assert buffer.ids() == []
        eventually(buffer.ids, within_s=90)  # a quarter of a minute
    assert buffer.ids() == ["e0"]
    assert shop.queue.count() == Counts(0, 0)
