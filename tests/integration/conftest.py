"""The command line on the environment of one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Environment
from tests.integration.support import Cli


@pytest.fixture
def cli(env: Environment, tmp_path: Path) -> Cli:
    return Cli(env, tmp_path)
