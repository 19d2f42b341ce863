"""Workers of any kind, the command line, and producers that go on enqueueing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.conftest import Environment
from tests.integration.support import Cli
from tests.shutdown.support import Workers
from worker.stack.spawn import spawn


@pytest.fixture(autouse=True)
def _started_as_usual() -> Iterator[None]:
    """How an interpreter ends is the point here, so none is imitated."""
    with patch("worker.stack.child.spawn", spawn):
        yield


@pytest.fixture
def cli(env: Environment, tmp_path: Path) -> Cli:
    return Cli(env, tmp_path)


@pytest.fixture
def workers(env: Environment, tmp_path: Path) -> Iterator[Workers]:
    """Starts real workers on the environment; those that are left are ended by SIGKILL."""
    started = Workers(env, tmp_path)
    yield started
    started.kill()
