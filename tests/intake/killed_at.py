"""Reads the queue as a worker does and ends itself by SIGKILL at one step: `python -m tests.intake.killed_at STEP`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from producers import Producer
from tests.intake import support
from worker.intake import letters
from worker.intake.intake import run
from worker.intake.redis_queue import RedisQueue

Call = Callable[..., Any]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(call: Call) -> Call:
    """Dies when the call has changed something."""
    always = call is letters.reject  # which has nothing to say

    def called(*args: Any) -> Any:
        result = call(*args)
        if result or always:
            die()
        return result

    return called


def before_end(call: Call) -> Call:
    """Dies where some messages are done and still in the list of the take."""

    def called(queue: RedisQueue, name: str, done: list[int]) -> Any:
        if done:
            die()
        return call(queue, name, done)

    return called


STEPS: dict[str, tuple[object, str, Callable[[Call], Call]]] = {
    "taken": (RedisQueue, "take", after),
    "appended": (Producer, "enqueue_many", after),
    "rejected": (support, "reject", after),
    "before the removal": (RedisQueue, "end", before_end),
    "given back": (RedisQueue, "restore", after),
}

if __name__ == "__main__":
    for step in sys.argv[1:]:
        owner, name, change = STEPS[step]
        setattr(owner, name, change(getattr(owner, name)))
    run(support.intake(os.environ), threading.Event())
