"""The command line on the environment of one test, and workers that are ended quickly after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Environment
from tests.integration.support import Cli
from worker.stack.child import Child


@pytest.fixture
def cli(env: Environment, tmp_path: Path) -> Cli:
    return Cli(env, tmp_path)


@pytest.fixture
def start_worker(start_worker: Callable[..., Child]) -> Iterator[Callable[..., Child]]:
    """Ended by SIGKILL after the test: Celery needs seconds to end in order, which a test of its own watches."""
    started: list[Child] = []

    def start(**variables: str) -> Child:
        started.append(start_worker(**variables))
        return started[-1]

    yield start
    for child in started:
        child.kill()
