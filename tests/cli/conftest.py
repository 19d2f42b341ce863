"""The console script in an environment of the test's own, on a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Environment
from tests.integration.support import Cli

WriteFile = Callable[[str], str]


@pytest.fixture
def cli(env: Environment, tmp_path: Path) -> Cli:
    """With no query credentials of the developer's."""
    ours = {name: value for name, value in env.items() if not name.startswith("ROKT_")}
    return Cli({**ours, "FORWARDER_DATA_DIR": str(tmp_path)}, tmp_path)


@pytest.fixture
def credentials(cli: Cli, tmp_path: Path) -> WriteFile:
    """Writes a credentials file, which the command line then uses."""

    def write(toml: str) -> str:
        file = tmp_path / "credentials.toml"
        file.write_text(toml, "utf-8")
        cli.env = {**cli.env, "FORWARDER_CREDENTIALS_FILE": str(file)}
        return str(file)

    return write


def entries(cli: Cli, *options: str) -> list[dict[str, Any]]:
    """Of the audit, newest first."""
    found: list[dict[str, Any]] = cli.done("audit", "--json", *options).json
    return found
