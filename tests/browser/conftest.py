"""One running forwarder with its console, and one Chromium, for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.stack import Stack, started
from tests.browser.support import Complaints, Pictures, chromium, opened
from tests.support.programs import needed
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def stack(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    needed("chromium")  # without it nothing need be started
    with started(redis_server.url, tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def _tab(browser: Browser, stack: Stack) -> Iterator[tuple[Page, Complaints]]:
    with opened(browser, stack.url) as tab:
        yield tab


@pytest.fixture
def page(_tab: tuple[Page, Complaints]) -> Page:
    return _tab[0]


@pytest.fixture
def complaints(_tab: tuple[Page, Complaints]) -> Complaints:
    """What was said against `page`."""
    return _tab[1]


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    """In FORWARDER_PICTURES, where somebody wants to look at them."""
    folder = Path(os.environ.get("FORWARDER_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return Pictures(folder)
