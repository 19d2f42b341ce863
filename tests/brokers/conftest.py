"""One RabbitMQ for all tests of this folder that run in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers.rabbit import NOT_THERE, Rabbit, find_rabbit


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """Tests that kill it start it again."""
    server = find_rabbit()
    if server is None:
        pytest.skip(NOT_THERE)
    with Rabbit(server, tmp_path_factory.mktemp("rabbit")) as started:
        yield started
