"""Fixtures of the web tests: the examples on a real Redis, or on an address where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from producers.testing import Recorded
from tests.support.stored import stored
from tests.unit.imports import ROOT
from worker.stack.redis_server import EmbeddedRedis

NOWHERE = "redis://127.0.0.1:1"
DJANGO = ROOT / "ops" / "examples" / "django"
Taken = Callable[..., list[Recorded]]


@pytest.fixture
def taken(redis_server: EmbeddedRedis, prefix: str) -> Taken:
    """`taken(destination="event-api")`: what waits in Redis."""
    return lambda destination="event-api": stored(redis_server.url, prefix, destination)


@pytest.fixture
def variables(redis_server: EmbeddedRedis, prefix: str) -> dict[str, str]:
    return {"FORWARDER_REDIS_URL": redis_server.url, "FORWARDER_KEY_PREFIX": prefix}


@pytest.fixture(scope="session")
def shop_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Django example, once a process: its settings are global. Its tables lie in a file, for children to see."""
    import django
    from django.core.management import call_command

    database = tmp_path_factory.mktemp("shop") / "shop.sqlite3"
    os.environ.update(SHOP_DATABASE=str(database), DJANGO_SETTINGS_MODULE="shop.settings")
    sys.path.insert(0, str(DJANGO))
    django.setup()
    del os.environ["DJANGO_SETTINGS_MODULE"]  # it is for this process, not for the programs that other tests start
    call_command("migrate", verbosity=0)
    yield database
    sys.path.remove(str(DJANGO))
    del os.environ["SHOP_DATABASE"]


@pytest.fixture
def shop(shop_database: Path, redis_server: EmbeddedRedis, prefix: str) -> Iterator[Any]:
    """Django's test client of the example, with empty tables and the test's own Redis."""
    from django.apps import apps
    from django.test import Client, override_settings

    assert shop_database.exists()
    with override_settings(ROKT_FORWARDER={"REDIS_URL": redis_server.url, "KEY_PREFIX": prefix}):
        yield Client(raise_request_exception=False)
    for model in ("shop.Order", "rokt_forwarder.OutboxEvent", "auth.User"):
        apps.get_model(model).objects.all().delete()


@pytest.fixture
def redis_away(shop: Any, prefix: str) -> Iterator[None]:
    """For Django, until the end of the test or the fixture's own."""
    from django.test import override_settings

    assert shop
    with override_settings(ROKT_FORWARDER={"REDIS_URL": NOWHERE, "KEY_PREFIX": prefix}):
        yield
