"""The programs of a stack: what one is (`Child`), and an ordered set of them (`Stack`)."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Protocol, Self, TypeVar, runtime_checkable

from worker.stack.child import Child
from worker.stack.ports import free_port, wait_http

__all__ = ["Child", "Ending", "Program", "Resource", "Stack", "free_port", "wait_http"]

_POLL_S = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Resource(Protocol):
    """Something that is started and stopped. `stop` is also called when `start` failed, and must bear that."""

    def start(self) -> object: ...

    def stop(self) -> object: ...


@runtime_checkable
class Program(Protocol):
    """A resource that may end by itself: `Child`, `EmbeddedRedis`."""

    name: str

    @property
    def running(self) -> bool: ...

    def ending(self) -> str: ...


R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Ending:
    """Why `Stack.watch` returned: a signal came, or the named program ended by itself."""

    signal: signal.Signals | None
    program: str | None
    message: str


class Stack:
    """Resources that start in order and stop in reverse order, even when one start or one stop fails.

    A context manager. Within it SIGTERM raises SystemExit(143) in the main thread, so that a SIGTERM while something
    starts stops what was started; Ctrl-C does the same by KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._stops = contextlib.ExitStack()
        self._programs: list[Program] = []

    def __enter__(self) -> Self:
        self._stops.enter_context(_handling((signal.SIGTERM,), _exit))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stops.__exit__(kind, error, trace)

    def start(self, resource: R) -> R:
        """Start `resource` and give it back. Raises what its `start` raises; its `stop` is called all the same."""
        self._stops.callback(resource.stop)
        resource.start()
        if isinstance(resource, Program):
            self._programs.append(resource)
        return resource

    def stop(self) -> None:
        """Stop everything now, the last one first; leaving the context does the same. Raises what the stops raised."""
        self._programs.clear()
        self._stops.close()

    def watch(self) -> Ending:
        """Block until SIGINT or SIGTERM (noticed in the main thread only) or until a program ended by itself."""
        seen: list[int] = []
        with _handling(_SIGNALS, lambda number, _: seen.append(number)):
            while not seen:
                for program in self._programs:
                    if not program.running:
                        return Ending(None, program.name, program.ending())
                time.sleep(_POLL_S)
        received = signal.Signals(seen[0])
        return Ending(received, None, f"received {received.name}")


class _Handler(Protocol):
    def __call__(self, number: int, frame: FrameType | None, /) -> object: ...


@contextlib.contextmanager
def _handling(numbers: tuple[signal.Signals, ...], handler: _Handler) -> Iterator[None]:
    """Handle these signals meanwhile; in other threads than the main one Python cannot, and nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
