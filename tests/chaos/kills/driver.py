"""Runs an act in a process of its own, which is watched, or ends itself by SIGKILL before or after one of its effects.

The processes are forked from a server that has imported everything, so that one of them takes a tenth of a second.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from multiprocessing.connection import Connection

from producers import effects
from producers.effects import Moment
from tests.chaos.kills import acts
from tests.chaos.kills.watch import Watch, watching
from tests.support import certificates
from tests.support.forkserver import SERVER
from worker import logs

Act = Callable[[Mapping[str, str]], object]
WITHIN_S = 30
READ_ONCE = certificates.read_once()  # made in the server: else each process here would read them for its few requests


def kill(act: Act, env: Mapping[str, str], moment: Moment, name: str, nth: int = 1) -> None:
    """Runs the act until the process is killed at the n-th time that it comes to this moment; it must come there."""
    process = SERVER.Process(target=_run, args=(act, dict(env), moment, name, nth))
    process.start()
    process.join(WITHIN_S)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"it did not come to {moment} {name!r} within {WITHIN_S} s")
    assert process.exitcode == -signal.SIGKILL, f"it ended with {process.exitcode}, not {moment} {name!r}"


def _run(act: Act, env: Mapping[str, str], moment: Moment, name: str, nth: int) -> None:
    logs.configure("CRITICAL")
    times = count(1)

    def die(told: Moment, of: str) -> None:
        if (told, of) == (moment, name) and next(times) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    effects.observer = die
    with READ_ONCE:
        act(env)


def watched(act: Act, env: Mapping[str, str], until: Iterable[str] = ()) -> tuple[set[str], list[str]]:
    """Runs the act to its end, which for a reader is when it came to all these effects.

    Gives the effects that were announced, and the writes that left the process outside of any.
    """
    ours, theirs = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_watch, args=(act, dict(env), frozenset(until), theirs))
    process.start()
    theirs.close()
    try:
        assert ours.poll(WITHIN_S), f"it did not end within {WITHIN_S} s"
        heard, outside = ours.recv()
    finally:
        process.kill()
        process.join()
    return heard, outside


def _watch(act: Act, env: Mapping[str, str], until: Iterable[str], told: Connection) -> None:
    logs.configure("CRITICAL")
    watch = Watch(until, acts.ENOUGH.set)
    acts.enough_after(WITHIN_S / 2)  # so that it is told what was missing
    with READ_ONCE, watching(watch):
        act(env)
    told.send((watch.heard, watch.outside))
