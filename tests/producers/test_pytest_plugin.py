"""A shop's own test run, in a process of its own: the fixtures are there, and who does not use them does not pay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHOP = """
from producers import Producer

early = Producer.from_env({"FORWARDER_REDIS_URL": "redis://127.0.0.1:1"})

def sell(id_):
    Producer.from_env().enqueue("event-api", account="1", event={"eventType": "conversion"}, id=id_)
    early.enqueue("event-api", account="1", event={"eventType": "conversion"}, id=id_ + "-early")
"""
USES = """
import asyncio
import shop

def test_one(rokt_producer):
    shop.sell("a")
    assert [each.id for each in rokt_producer.events] == ["a", "a-early"]

def test_each_test_begins_anew(rokt_producer, rokt_async_producer):
    async def sell():
        await rokt_async_producer.enqueue("event-api", account="1", event={"eventType": "conversion"}, id="b")
    asyncio.run(sell())
    assert rokt_producer.only("event-api").id == "b"
"""
PAYS_NOTHING = """
import sys

def test_nothing_is_loaded():
    assert "producers.testing.pytest_plugin" in sys.modules
    assert not {"redis", "msgspec", "producers.producer", "producers.testing.fake"} & set(sys.modules)
"""


def test_the_fixtures_catch_what_the_code_sends(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    assert "2 passed" in _ran(tmp_path, USES)


def test_a_run_that_does_not_use_them_loads_nothing(tmp_path: Path) -> None:
    assert "1 passed" in _ran(tmp_path, PAYS_NOTHING)


def _ran(folder: Path, tests: str) -> str:
    (folder / "test_shop.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_shop.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
