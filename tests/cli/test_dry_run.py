"""`forwarder enqueue --dry-run`: the requests that would be sent, without credentials, personal data, or Redis."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from producers.destinations import DESTINATIONS, Prepared
from producers.settings import BatchSettings
from tests.integration.support import PRIVATE, Cli, Line, as_lines, sample, samples
from worker.dry_run import Batches

HASH = "1753bdb368271a785887ddbfb926164f2f7c6a88f609c07ff0401c5572955206"
NO_REDIS = {"FORWARDER_REDIS_URL": "redis://127.0.0.1:1/0"}
Write = Callable[[str], str]


def dry(cli: Cli, lines: Sequence[Line], *, status: int = 0, more: str = "", **variables: str) -> list[dict[str, Any]]:
    """The requests. Nothing personal may be in the output."""
    ended = cli.run("enqueue", "-", "--dry-run", given=as_lines(lines) + more, **{**NO_REDIS, **variables})
    assert ended.status == status, ended.err
    assert "nothing was sent" in ended.err
    for text in (ended.out, ended.err):
        assert PRIVATE not in text
        assert HASH not in text
        assert "SECRET" not in text
    return [json.loads(line) for line in ended.out.splitlines()]


def address(email: str, *, action: str = "include", account: str = "1", **more: str) -> Line:
    return {"destination": "audience", "account": account, "event": {"email": email, "action": action, **more}}


def signal(session: str, number: int) -> Line:
    event = {
        "eventType": "SignalViewed",
        "sessionId": session,
        "parentGuid": "guid",
        "clientUniqueId": f"unique-{number}",
        "metadata": [{"name": "city", "value": f"Springfield{PRIVATE}"}],
    }
    return {"destination": "server-events", "account": "1", "event": event}


def test_a_request_is_shown_without_what_is_personal_or_secret(cli: Cli) -> None:
    line = sample("1", 1)
    (request,) = dry(cli, [line])
    assert (request["method"], request["events"]) == ("POST", 1)
    assert request["url"].endswith("/v2/events")
    assert request["headers"]["Authorization"] == "Basic …"
    assert request["headers"]["Rokt-Version"] == "2020-05-21"
    (event,) = request["body"]["events"]
    assert event["objectData"] == [{"name": "email", "value": "…"}, {"name": "amount", "value": "…"}]
    assert event["clientEventId"] == line["event"]["clientEventId"]
    hidden = [str(each["value"]) for each in line["event"]["objectData"]]
    shorter = sum(len(value) - len("…".encode()) for value in hidden)
    body = json.dumps(request["body"], ensure_ascii=False, separators=(",", ":")).encode()
    assert request["bytes"] == len(body) + shorter, "of the real body"


def test_an_address_is_hidden_wherever_it_stands(cli: Cli) -> None:
    line = sample("1", 1)
    line["event"] |= {"clientEventId": f"jane{PRIVATE}", "eventType": HASH}
    line["event"]["metaData"] = [{"name": f"jane{PRIVATE}", "value": "x"}]
    line["account"] = f"jane{PRIVATE}"
    (request,) = dry(cli, [line])
    assert request["body"]["accountId"] == "…"


def test_requests_are_batched_by_account_and_cap(cli: Cli) -> None:
    found = dry(cli, [*samples("1", 150), *samples("2", 30)])
    assert sorted((each["body"]["accountId"], each["events"]) for each in found) == [("1", 50), ("1", 100), ("2", 30)]
    found = dry(cli, samples("1", 25), FORWARDER_EVENT_API_MAX_EVENTS="10")
    assert [each["events"] for each in found] == [10, 10, 5]
    found = dry(cli, samples("1", 25), FORWARDER_EVENT_API_MAX_BYTES="1500")
    assert sum(each["events"] for each in found) == 25
    assert all(1000 < each["bytes"] <= 1500 for each in found[:-1])


def test_sessions_lists_actions_and_hashes_are_kept_apart(cli: Cli) -> None:
    found = dry(cli, [signal("a", number) for number in range(26)] + [signal("b", 1)])
    assert [each["events"] for each in found] == [25, 1, 1]
    assert {name: found[0]["headers"][name] for name in ("rokt-tag-id", "rokt-pub-id", "rokt-secret")} == {
        "rokt-tag-id": "…",
        "rokt-pub-id": "…",
        "rokt-secret": "…",
    }
    hashed = {"destination": "audience", "account": "1", "event": {"sha256": HASH, "action": "exclude"}}
    mail = f"jane{PRIVATE}"
    found = dry(cli, [address(mail), address(mail), address(mail, action="exclude"), hashed, address(mail, list="US")])
    assert [each["body"] for each in found] == [
        {"accountId": "1", "action": "include", "emails": ["…", "…"]},
        {"accountId": "1", "action": "exclude", "email": "…"},
        {"accountId": "1", "action": "exclude", "sha256": "…"},
        {"accountId": "1", "list": "US", "action": "include", "email": "…"},
    ]


def test_bad_lines_are_told_as_for_real(cli: Cli) -> None:
    wrong, large = {**sample("1", 2), "account": ""}, sample("1", 3, note="x" * 2_000)
    given = as_lines([sample("1", 1), wrong, large]) + "{bad\n"
    cli.env = {**cli.env, "FORWARDER_MAX_BYTES": "2000"}
    for_real = cli.run("enqueue", "-", given=given)
    rehearsed = cli.run("enqueue", "-", "--dry-run", given=given, **NO_REDIS)
    assert (rehearsed.status, for_real.status) == (1, 1)
    assert rehearsed.err.splitlines()[:3] == for_real.err.splitlines()
    assert "bytes alone" in for_real.err
    assert rehearsed.err.splitlines()[3] == "1 good line, 3 refused, 1 request; nothing was sent"
    assert cli.ledger()["accepted"] == 1, "by the real one alone"


def test_the_api_is_chosen_by_the_accounts_credentials(cli: Cli, credentials: Write) -> None:
    credentials('[accounts.1]\napp_id = "app-SECRET"\napp_secret = "app-SECRET-1"\naudience_api_key = "key-SECRET-1"\n')
    events, addresses = sorted(dry(cli, [sample("1", 1), address(f"jane{PRIVATE}")]), key=lambda each: -each["bytes"])
    assert (events["url"][-10:], events["headers"]["Authorization"]) == ("/v1/events", "Bearer …")
    assert addresses["url"].endswith("/api/1.0/import/suppression")
    assert addresses["headers"]["Authorization"] == "…"
    (events,) = dry(cli, [sample("1", 1)], FORWARDER_IDEMPOTENCY_KEYS="true")
    assert events["headers"]["Idempotency-Key"] == "…"


def test_a_request_that_no_worker_could_make_says_why(cli: Cli, credentials: Write) -> None:
    credentials('[accounts.1]\npublic_key = "rpub-SECRET"\n')
    first, second = dry(cli, [sample("1", 1), sample("2", 1)], status=1)
    assert first["fault"] == "the credentials file lacks secret_key of account 1"
    assert second["fault"] == "the credentials file lacks everything of account 2"
    (request,) = dry(cli, [sample("1", 1)], status=1, FORWARDER_ENV="testing")
    assert request["fault"] == "event-api has no host where FORWARDER_ENV is testing"


def test_production_without_credentials_is_wrong_usage(cli: Cli) -> None:
    """Which API is asked depends on them."""
    ended = cli.run("enqueue", "-", "--dry-run", FORWARDER_ENV="production", **NO_REDIS)
    assert (ended.status, ended.out) == (2, "")
    assert "FORWARDER_CREDENTIALS_FILE" in ended.err


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_nothing_makes_no_request(cli: Cli, text: str) -> None:
    assert dry(cli, [], more=text) == []


def test_a_batch_is_sealed_when_it_is_full_to_the_byte() -> None:
    """Pure: as the append script has it."""
    to = DESTINATIONS["event-api"]
    room = 1_000 - to.envelope_bytes("1", "", "")
    batches = Batches(lambda _: BatchSettings(max_events=3, max_bytes=1_000))
    half = Prepared("a", 0, b"x" * (room // 2 - 1))
    one = Prepared("b", 0, b"x")
    assert batches.add(to, "1", half) == []
    assert batches.add(to, "2", one) == []
    assert len(batches.add(to, "1", Prepared("c", 0, b"x" * (room - room // 2 - 1)))[0].payloads) == 2
    assert [len(batch.payloads) for batch in batches.rest()] == [1]
    assert batches.rest() == []
    assert [batches.add(to, "1", one) for _ in range(2)] == [[], []]
    assert [len(batch.payloads) for batch in batches.add(to, "1", one)] == [3]
