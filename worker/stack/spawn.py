"""Starts a program that ends when this process ends, however this process ends.

On Linux the kernel sends the program a signal (``PR_SET_PDEATHSIG``). It does so when the *thread* that started the
program ends, not when the process does; therefore every program is started by one thread that lives as long as the
process. Elsewhere there is no such signal: an ``atexit`` hook of `Child` is the best effort, and SIGKILL of this
process leaves the programs running.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

Process = subprocess.Popen[bytes]

_TETHER = Path(__file__).with_name("tether.py")
_lock = threading.Lock()
_orders: "queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]] | None" = None


def spawn(
    program: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    death_signal: signal.Signals,
    keep_open: Sequence[int] = (),
) -> Process:
    """Start `program` (a path) with `argv` in a session of its own.

    `env` is the whole environment (None: this process's). `keep_open` are file descriptors it inherits.
    `death_signal` is what it receives when this process ends. Raises OSError.
    """
    command = tethered(program, argv, os.environ if env is None else env, death_signal)
    executable = program if command == list(argv) else None

    def start() -> Process:
        return subprocess.Popen(  # noqa: S603 - the stack's own programs, given as a list
            command,
            executable=executable,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=keep_open,
            start_new_session=True,
        )

    return _in_lasting_thread(start)


def tethered(program: str, argv: Sequence[str], env: Mapping[str, str], death_signal: signal.Signals) -> list[str]:
    """The command that starts `program` tied to this process; `argv` itself where the kernel cannot do that."""
    if not sys.platform.startswith("linux"):
        return list(argv)
    tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(int(death_signal))]
    return [*tether, env.get("LC_CTYPE", ""), program, *argv]


def _in_lasting_thread(start: Callable[[], Process]) -> Process:
    answer: Future[Process] = Future()
    _lasting_thread().put((start, answer))
    return answer.result()


def _lasting_thread() -> "queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]]":
    global _orders
    with _lock:
        if _orders is None:
            _orders = queue.SimpleQueue()
            # A daemon: others are joined at interpreter exit, which would end the programs before they are stopped.
            threading.Thread(target=_serve, args=(_orders,), name="stack-spawner", daemon=True).start()
        return _orders


def _serve(orders: "queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]]") -> None:
    while True:
        start, answer = orders.get()
        try:
            answer.set_result(start())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            answer.set_exception(error)


def _forget_thread() -> None:
    """A forked process has no such thread yet, and its copy of the lock may be held by nobody."""
    global _orders, _lock
    _orders, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_thread)
