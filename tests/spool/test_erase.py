"""A person's events are taken out of the spool, whoever owns the file, and the others go on."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from producers import Fate, Producer
from producers.settings import spool_settings
from tests.integration.support import Cli, eventually
from tests.spool.support import Shop
from worker.connection.client import sync_redis
from worker.erasure.person import Person
from worker.erasure.spool_place import spool_places

JANE, JOHN = "jane@private.example", "john@private.example"


def bought(producer: Producer, name: str, email: str) -> Any:
    data = [{"name": "email", "value": email}]
    event = {"clientEventId": name, "eventType": "conversion", "objectData": data}
    return producer.enqueue("event-api", account="1", event=event)


def signalled(producer: Producer, session: str, email: str) -> Any:
    event = {
        "eventType": "SignalImpression",
        "sessionId": session,
        "parentGuid": "guid",
        "clientUniqueId": "1",
        "metadata": [{"name": "email", "value": email}],
    }
    return producer.enqueue("server-events", account="7", event=event)


def text_of(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def erased(shop: Shop, email: str) -> int:
    (place,) = spool_places(spool_settings(shop.env, {}), shop.env["FORWARDER_KEY_PREFIX"])
    return asyncio.run(place.erase(Person([email]))).events.total()


def test_a_living_shop_forgets_a_person_and_goes_on(shop: Shop) -> None:
    """What is erased neither stays on disk nor comes to Redis, and a session that was erased waits for nothing."""
    with contextlib.closing(shop.producer()) as producer:
        shop.redis.kill()
        assert bought(producer, "janes", JANE).fate is Fate.SPOOLED
        assert signalled(producer, "s", JANE).fate is Fate.SPOOLED
        assert JANE.encode() in text_of(shop.folder)
        assert erased(shop, JANE) == 2
        assert JANE.encode() not in text_of(shop.folder)
        shop.redis.restart()
        eventually(lambda: signalled(producer, "s", JOHN).fate is Fate.BUFFERED)
        assert shop.stored() == []


def test_others_of_the_same_file_are_sent(shop: Shop) -> None:
    with contextlib.closing(shop.producer()) as producer:
        shop.redis.kill()
        for name, email in (("janes", JANE), ("johns", JOHN), ("janes too", JANE.upper())):
            bought(producer, name, email)
        assert erased(shop, JANE) == 2
        shop.redis.restart()
        eventually(lambda: shop.stored() == ["johns"])
        eventually(lambda: shop.spooled() == 0)


def test_the_command_looks_into_what_a_process_left_and_tells_it(shop: Shop, cli: Cli) -> None:
    """A dry run finds it and leaves it there. Of what Redis never had, nothing is in the ledger."""
    with contextlib.closing(shop.producer()) as producer:
        shop.redis.kill()
        bought(producer, "janes", JANE)
        bought(producer, "johns", JOHN)
    shop.redis.restart()
    found = cli.done("erase", "--email", JANE, "--dry-run", "--json").json["found"]
    assert found == {"event-api": {"spooled": 1}}
    assert shop.spooled() == 2
    assert cli.done("erase", "--email", JANE, "--yes").out == "event-api: 1 spooled erased\n"
    assert shop.spooled() == 1
    assert cli.ledger()["accepted"] == 0
    assert cli.done("spool", "flush", "--why", "the machine goes").status == 0
    assert shop.stored() == ["johns"]
    (flushed,) = cli.done("audit", "--json", "--limit", "1").json
    assert (flushed["action"], flushed["why"], flushed["details"]["flushed"]) == ("spool flush", "the machine goes", 1)


def test_a_flush_goes_on_where_the_audit_cannot_be_written_and_says_so(shop: Shop, cli: Cli) -> None:
    """A shop's user of Redis may be kept from it."""
    with contextlib.closing(shop.producer()) as producer:
        shop.redis.kill()
        bought(producer, "johns", JOHN)
    shop.redis.restart()
    with sync_redis(cli.env["FORWARDER_REDIS_URL"]) as redis:
        redis.set(f"{cli.env['FORWARDER_KEY_PREFIX']}:audit", "no stream")
    ended = cli.done("spool", "flush")
    assert "spool flush begun: no entry could be written to the audit" in ended.err
    assert shop.stored() == ["johns"]


def test_a_spool_that_cannot_be_read_is_told(shop: Shop, cli: Cli) -> None:
    """Nothing is said to be erased then."""
    shop.folder.write_text("no folder")
    ended = cli.run("erase", "--email", JANE, "--yes")
    assert (ended.status, ended.out) == (2, "")
    assert "FORWARDER_SPOOL_DIR" in ended.err


def test_a_file_that_nobody_can_read_is_told(shop: Shop, cli: Cli) -> None:
    """It may hold the person's events: the command does not end with success."""
    shop.folder.mkdir()
    (shop.folder / "left.db.corrupt").write_bytes(b"anything")
    ended = cli.run("erase", "--email", JANE, "--yes")
    assert (ended.status, ended.out) == (1, "the spool: 1 unreadable files, not erased\n")
