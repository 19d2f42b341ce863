import os
import signal
import subprocess
import sys
import threading

import pytest

from worker.stack import Ending, Stack, StartError

from .helpers import alive, eventually, python

SLEEP = "import time; print('up'); time.sleep(60)"


class Recorder:
    def __init__(self, name: str, log: list[str], fails: str = "") -> None:
        self.name, self._log, self._fails = name, log, fails

    def start(self) -> None:
        self._act("start")

    def stop(self) -> None:
        self._act("stop")

    def _act(self, what: str) -> None:
        self._log.append(f"{what} {self.name}")
        if what == self._fails:
            raise StartError(f"{self.name} cannot {what}")


def run(log: list[str], *resources: Recorder) -> None:
    with Stack() as stack:
        for resource in resources:
            assert stack.start(resource) is resource
        log.append("work")


def test_it_stops_in_reverse_order() -> None:
    log: list[str] = []
    run(log, Recorder("a", log), Recorder("b", log))
    assert log == ["start a", "start b", "work", "stop b", "stop a"]


def test_it_stops_in_reverse_order_when_a_start_fails() -> None:
    log: list[str] = []
    with pytest.raises(StartError, match="b cannot start"):
        run(log, Recorder("a", log), Recorder("b", log, fails="start"), Recorder("c", log))
    assert log == ["start a", "start b", "stop b", "stop a"]


def test_a_stop_that_fails_does_not_keep_the_others_running() -> None:
    log: list[str] = []
    with pytest.raises(StartError, match="b cannot stop"):
        run(log, Recorder("a", log), Recorder("b", log, fails="stop"))
    assert log[-2:] == ["stop b", "stop a"]


def test_watch_says_which_program_ended_and_its_last_lines() -> None:
    with Stack() as stack:
        stack.start(python("steady", SLEEP))
        stack.start(python("brief", "print('out of paper'); raise SystemExit(7)"))
        ending = stack.watch()
    assert ending == Ending(None, "brief", "brief ended with status 7; its last lines:\nout of paper")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_returns_on_a_signal_and_puts_the_handlers_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with Stack() as stack:
        child = stack.start(python("steady", SLEEP))
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        assert stack.watch() == Ending(number, None, f"received {number.name}")
        assert child.running
    assert not child.running
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_sigterm_during_a_start_stops_what_was_started() -> None:
    code = (
        "import time; from worker.stack import Child, Stack\n"
        "with Stack() as stack:\n"
        "    child = stack.start(Child('sleeper', ['sleep', '60'])); print(child.pid); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.terminate()
        assert process.wait(10) == 143
    assert eventually(lambda: not alive(pid))
