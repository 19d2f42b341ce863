"""What is wrong with the workers, from what Redis knows of them."""

from __future__ import annotations

import pytest

from worker.lifecycle.health import Seen, Unclaimed, problems
from worker.lifecycle.heartbeat import Worker, those_alive

HERE = Worker(7, "celery@a", "a")
FOUND = [HERE, Worker(8, "celery@b", "b")]


def test_workers_that_claim_what_is_due_are_healthy() -> None:
    assert problems(Seen(None, FOUND, [Unclaimed("event-api", 29.0)])) == []


@pytest.mark.parametrize(("host", "well"), [("", True), ("a", True), ("elsewhere", False)])
def test_only_workers_of_the_host_count(host: str, well: bool) -> None:
    assert (problems(Seen(None, FOUND, []), host=host) == []) is well


def test_every_destination_whose_work_nobody_claims_is_named() -> None:
    seen = Seen(None, FOUND, [Unclaimed("event-api", 31.0), Unclaimed("audience", 3.0), Unclaimed("audience", 99.0)])
    assert [line.partition(":")[0] for line in problems(seen)] == ["event-api", "audience"]
    assert len(problems(Seen(None, [], seen.unclaimed), overdue_s=100)) == 1


def test_a_worker_is_read_as_it_was_written_and_one_without_a_host_is_on_none() -> None:
    assert Worker.of(str(HERE)) == HERE
    assert Worker.of("7 celery@a") == Worker(7, "celery@a", "")


def test_a_worker_lives_for_five_seconds_after_its_last_beat() -> None:
    assert those_alive([(str(HERE).encode(), 100.0)], 105) == [HERE]
    assert those_alive([(str(HERE).encode(), 100.0)], 106) == []
