"""The names of all that is changed outside this process, and a word before and after each change to whoever listens.

A process may end at any moment, so what it promises must hold on both sides of every name. The tests set `observer`, to
end a process there and to find a change without a name; nothing else does, and without one an effect costs next to
nothing. The worker adds its own names in `worker/effects.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

Moment = Literal["before", "after"]
Observer = Callable[[Moment, str], None]

EFFECTS: dict[str, str] = {
    "agree": "the terms that all producers and workers keep to are noted, if nobody has noted any",
    "append": "events go into the open batches of a slot",
    "withhold": "events that may not be sent are counted as discarded",
    # The spool on this machine's disk.
    "spool write": "events that Redis did not take in time are written to a file",
    "spool delete": "events that Redis has now are forgotten; those that it refused for good are marked",
    "spool adopt": "the file of a process that ended becomes ours, or is set aside if it cannot be read",
    "spool remove": "a file in which nothing is left is removed",
    "spool erase": "events of a person are taken out of a file",
}
observer: Observer | None = None
_UNHEARD = nullcontext()


def effect(*names: str) -> AbstractContextManager[None]:
    """Surrounds one change, or several that travel together. `LookupError` for an unknown name, if somebody listens."""
    return _UNHEARD if observer is None else _told(names, observer)


@contextmanager
def _told(names: tuple[str, ...], tell: Observer) -> Iterator[None]:
    if unknown := [name for name in names if name not in EFFECTS]:
        raise LookupError(f"not among the EFFECTS: {', '.join(unknown)}")
    for name in names:
        tell("before", name)
    try:
        yield
    finally:
        for name in names:
            tell("after", name)
