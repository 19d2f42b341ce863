from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.stack import EmbeddedRedis

from .helpers import servers


@pytest.fixture(params=servers(), ids=str)
def server(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "data") as running:
        yield running
