"""What the tests fork instead of starting it is to them what it would be if it were started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.stack.helpers import alive, eventually
from tests.support import forked
from tests.unit.imports import ROOT
from worker.stack import parts
from worker.stack.spawn import spawn

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere all programs are started")


@pytest.mark.parametrize("start", [spawn, forked.start])
def test_a_program_says_its_line_and_ends_in_order_in_a_session_of_its_own(
    tmp_path: Path, start: Callable[..., object]
) -> None:
    with patch("worker.stack.child.spawn", start):
        child = parts.sandbox({"LANG": "C.UTF-8"}, tmp_path).start()
    assert parts.sandbox_url(child).startswith("http://127.0.0.1:")
    assert os.getsid(child.pid) == child.pid
    child.stop()
    assert child.exit_status == 0
    assert list(json.loads((tmp_path / "sandbox.log").read_text())) == ["sandbox"]


@pytest.mark.parametrize("start", [spawn, forked.start])
def test_a_program_that_fails_has_its_status_and_its_words(tmp_path: Path, start: Callable[..., object]) -> None:
    with patch("worker.stack.child.spawn", start):
        child = parts.sandbox({}, tmp_path, options=["--seed", "none"]).start()
    assert child.wait(30) == 2
    assert "invalid int value: 'none'" in child.log_tail()


TESTS = """
import sys, time
from pathlib import Path
from tests.support import forked
from worker.stack import child, parts
child.spawn = forked.start
one = parts.sandbox({}, Path(sys.argv[1])).start()
parts.sandbox_url(one)
print(one.pid, flush=True)
time.sleep(60)
"""


def test_what_was_forked_ends_with_the_tests_however_they_end(tmp_path: Path) -> None:
    tests = subprocess.Popen(
        [sys.executable, "-c", TESTS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert tests.stdout is not None
    pid = int(tests.stdout.readline())
    assert alive(pid)
    tests.send_signal(signal.SIGKILL)
    tests.communicate()
    assert eventually(lambda: not alive(pid))
