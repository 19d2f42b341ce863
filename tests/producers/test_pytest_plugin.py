"""A shop's own test run, in a process of its own: the fixtures are there by themselves."""

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
TESTS = """
import asyncio
import sys

def test_who_does_not_use_it_does_not_pay():
    assert "producers.testing.pytest_plugin" in sys.modules
    assert not {"redis", "msgspec", "producers.producer", "producers.testing.fake"} & set(sys.modules)

def test_the_shop_is_imported():
    import shop

def test_everything_is_caught(rokt_producer):
    import shop
    shop.sell("a")
    assert [each.id for each in rokt_producer.events] == ["a", "a-early"]

def test_each_test_begins_anew(rokt_producer, rokt_async_producer):
    async def sell():
        await rokt_async_producer.enqueue("event-api", account="1", event={"eventType": "conversion"}, id="b")
    asyncio.run(sell())
    assert rokt_producer.only("event-api").id == "b"
"""
OTHERS = ("xdist", "cacheprovider", "hypothesispytest", "respx", "asyncio", "timeout", "anyio")  # of no use here


def test_the_fixtures_catch_what_the_code_sends_and_cost_nothing_else(tmp_path: Path) -> None:
    for name, text in (("shop.py", SHOP), ("test_shop.py", TESTS), ("pytest.ini", "[pytest]\n")):
        (tmp_path / name).write_text(text)
    without = [word for name in OTHERS for word in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", *without, "test_shop.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
