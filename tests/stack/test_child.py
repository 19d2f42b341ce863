import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from worker.stack import Child, StackError, StartError

from .helpers import PROC, PYTHON, alive, eventually, python, state

STUBBORN_FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = os.fork()
if grandchild == 0:
    time.sleep(60)
print(grandchild)
time.sleep(60)
"""
POLITE_WITH_STUBBORN_CHILD = STUBBORN_FAMILY.replace(
    "print(", "signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); print("
)


def test_it_runs_in_a_session_of_its_own_and_ends_on_sigterm() -> None:
    child = python("sleeper", "import time; print('hello'); time.sleep(60)").start()
    assert child.first_line(10) == "hello"
    assert child.first_line(10) == "hello"
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    assert child.running
    child.stop()
    assert (child.running, child.exit_status) == (False, -signal.SIGTERM)
    assert child.ending() == "sleeper was ended by SIGTERM; its last lines:\nhello"


@pytest.mark.parametrize("family", [STUBBORN_FAMILY, POLITE_WITH_STUBBORN_CHILD], ids=["both ignore", "child ignores"])
def test_stop_ends_stubborn_children_of_children(family: str) -> None:
    child = python("family", family).start()
    grandchild = int(child.first_line(10))
    child.stop(grace_s=0.3)
    assert not child.running
    assert eventually(lambda: not alive(grandchild))


def test_children_of_a_child_that_ended_by_itself_are_ended() -> None:
    child = python("family", STUBBORN_FAMILY.rpartition("time.sleep")[0]).start()
    grandchild = int(child.first_line(10))
    assert child.wait(10) == 0
    assert eventually(lambda: not alive(grandchild))


def test_a_stopped_process_is_killed_after_the_grace() -> None:
    child = python("frozen", "import time; print(1); time.sleep(60)").start()
    child.first_line(10)
    os.kill(child.pid, signal.SIGSTOP)
    assert eventually(lambda: state(child.pid) == "T")  # before: of two waiting signals the lower number comes first
    child.stop(grace_s=0.1)
    assert child.exit_status == -signal.SIGKILL


def test_it_outlives_the_thread_that_started_it() -> None:
    """The kernel's signal on a parent's end comes when the starting thread ends; that thread must be a lasting one."""
    child = python("sleeper", "import time; print('up'); time.sleep(60)")
    thread = threading.Thread(target=lambda: child.start().first_line(10))
    thread.start()
    thread.join()
    assert eventually(lambda: not (PROC / "self" / "task" / str(thread.native_id)).exists())
    assert child.wait(0.2) is None
    child.kill()


def test_kill_and_stop_can_be_repeated_and_come_before_start() -> None:
    child = python("sleeper", "import time; time.sleep(60)")
    child.stop()
    child.start()
    for _ in range(2):
        child.kill()
        child.stop()
    assert child.wait(0) == -signal.SIGKILL


def test_wait_is_bounded() -> None:
    child = python("sleeper", "import time; time.sleep(60)").start()
    began = time.monotonic()
    assert child.wait(0.1) is None
    assert time.monotonic() - began < 5
    child.kill()


def test_both_outputs_go_to_the_log_and_earlier_runs_are_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    for name in ("first", "second"):
        code = f"import sys; print('{name}'); print('oops {name}', file=sys.stderr); sys.exit(3)"
        child = python(name, code, log_path=log, say_ready=False).start()
        assert child.wait(10) == 3
        assert child.ending() == f"{name} ended with status 3; its last lines:\n{name}\noops {name}"
    assert log.read_text().splitlines() == ["first", "oops first", "second", "oops second"]


def test_much_output_never_blocks_the_program(tmp_path: Path) -> None:
    code = "print('ready')\nfor n in range(20000): print('x' * 100, n)"
    child = python("talker", code, log_path=tmp_path / "log").start()
    assert child.first_line(10) == "ready"
    assert child.wait(20) == 0
    assert eventually(lambda: child.log_tail(1).endswith(" 19999"))


def test_a_first_line_that_does_not_come_is_said() -> None:
    silent = python("silent", "import time; time.sleep(60)").start()
    with pytest.raises(StartError, match=r"silent said nothing within 0\.1 s"):
        silent.first_line(0.1)
    silent.kill()
    failing = python("failing", "raise SystemExit('no way')").start()
    with pytest.raises(
        StartError, match="failing did not get ready: failing ended with status 1; its last lines:\nno way"
    ):
        failing.first_line(10)


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no program /no/such/program"):
        Child("ghost", ["/no/such/program"]).start()
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be opened"):
        Child("logless", [PYTHON], log_path=tmp_path / "file" / "log")
    with pytest.raises(StackError, match="was not started"):
        _ = Child("early", [PYTHON]).pid
    child = python("once", "").start()
    with pytest.raises(StartError, match="was started before"):
        child.start()
    child.wait(10)


def test_the_environment_is_exactly_the_given_one() -> None:
    child = Child("env", ["env"], {"PATH": os.environ["PATH"], "ONLY": "this"}, say_ready=False).start()
    assert child.wait(10) == 0
    assert sorted(child.log_tail().splitlines()) == sorted([f"PATH={os.environ['PATH']}", "ONLY=this"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc; only Linux has a program between")
def test_no_signal_is_ignored_or_blocked_at_the_start() -> None:
    """But those that this process was started without (by nohup, or in the background) stay ignored."""
    child = Child("grep", ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"]).start()
    assert child.wait(10) == 0
    inherited = sum(
        1 << (each - 1)
        for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
        if signal.getsignal(each) is signal.SIG_IGN
    )
    known = (1 << 31) - 1 - inherited  # signals 32 and above are the C library's own
    assert [int(line.split()[1], 16) & known for line in child.log_tail().splitlines()] == [0, 0]
