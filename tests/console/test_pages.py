"""An operator's work on the pages, without JavaScript: what is shown, what is done, and what the audit says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from producers import Producer
from producers.keys import Slot
from tests.buffer.support import hold
from tests.console.conftest import Bury
from tests.console.support import Browser, Console, conversion, served
from tests.integration.support import environment
from worker.connection.client import with_redis
from worker.operating.audit import entries
from worker.stack.ports import free_port

LETTER = "/dead-letters/event-api/0/"
Ask = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture(scope="module")
def ask(console: Console) -> Ask:
    """Asks Redis itself."""
    return lambda work: asyncio.run(with_redis(console.env["FORWARDER_REDIS_URL"], work))


@pytest.fixture(scope="module")
def slot(console: Console) -> Slot:
    return Slot(console.env["FORWARDER_KEY_PREFIX"], "event-api", 0)


@pytest.fixture
def jane(console: Console) -> Iterator[Browser]:
    """Signed in under a name."""
    with console.browser() as client:
        client.sign_in(name="Jane")
        yield client


def last_entry(console: Console, ask: Ask) -> dict[str, Any]:
    prefix = console.env["FORWARDER_KEY_PREFIX"]
    return dict(ask(lambda redis: entries(redis, prefix, 1))[0])


def letter_numbers(browser: Browser, address: str) -> list[str]:
    links = [each["href"] for each in browser.page(address).all("a") if each.get("href", "").startswith(LETTER)]
    return [link.removeprefix(LETTER) for link in links]


def test_a_destination_is_paused_with_a_reason_and_goes_on(console: Console, jane: Browser, ask: Ask) -> None:
    page = jane.followed(jane.act("/pause", {"destination": "audience", "why": "Rokt asked us to"}))
    assert "paused the whole destination: Rokt asked us to" in " ".join(page.text.split())
    entry = last_entry(console, ask)
    assert (entry["action"], entry["via"], entry["why"]) == ("pause", "console", "Rokt asked us to")
    assert entry["by"].startswith("Jane (")
    assert "the whole destination" not in jane.followed(jane.act("/resume", {"destination": "audience"})).text
    assert last_entry(console, ask)["details"] == {"destination": "audience", "resumed": 1}


def test_the_overview_tells_the_ledger_and_refreshes_itself_unless_told(
    console: Console, browser: Browser, buried: Bury
) -> None:
    buried("overview-1")
    Producer.from_env(console.env).enqueue("event-api", account="777", event=conversion("overview-2"))
    page = browser.page("/")
    assert "1 events on their way" in page.text
    (live,) = [each for each in page.all("div") if "hx-get" in each]
    assert (live["hx-get"], live["hx-select"], live["id"]) == ("/", "#overview", "overview")
    assert not [each for each in browser.page("/?refresh=off").all("div") if "hx-get" in each]


def test_held_accounts_stand_on_top_with_their_reasons_and_are_resumed(
    console: Console, jane: Browser, ask: Ask, slot: Slot
) -> None:
    ask(lambda redis: hold(redis, slot, "", "broke", "parked", 0, "401 Unauthorized", "print"))
    ask(lambda redis: hold(redis, slot, "", "slow", "limited", 90_000, "429 Too Many Requests"))
    text = " ".join(jane.page("/accounts").text.split())
    assert text.index("parked 401 Unauthorized until it is resumed") < text.index(
        "limited 429 Too Many Requests for 1 min"
    )
    told = {"destination": "event-api", "account": json.dumps("broke"), "why": "new key"}
    page = jane.followed(jane.act("/accounts/resume", told))
    assert "401 Unauthorized" not in page.text
    entry = last_entry(console, ask)
    assert (entry["action"], entry["why"], entry["details"]["resumed"]) == ("resume", "new key", 1)


@pytest.mark.parametrize("account", ["12345", "ü:{c} '\"<b>"])
def test_an_account_is_paused_by_its_exact_name(browser: Browser, account: str) -> None:
    told = {"destination": "event-api", "account": json.dumps(account), "why": "slow down"}
    page = browser.followed(browser.act("/accounts/pause", told))
    assert "paused slow down" in " ".join(page.text.split())
    assert account in page.text
    page = browser.followed(browser.submit(f"/accounts?destination=event-api&account={account}", "/accounts/resume"))
    assert "slow down" not in page.text


@pytest.mark.parametrize(
    "fields", [{"destination": "nowhere"}, {"account": '""'}, {"account": "x"}, {"account": '"\\u0007"'}]
)
def test_what_is_no_destination_or_account_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    told = {"destination": "event-api", "account": '"a"', **fields}
    assert browser.act("/accounts/pause", told).status_code == 400


def test_letters_are_counted_by_reason_filtered_by_address_and_paged_each_once(browser: Browser, buried: Bury) -> None:
    for number in range(60):
        buried(f"paged-{number}", account="paged", code="Many" if number % 20 else "Few")
    cells = [each for each in browser.page("/dead-letters?account=paged").cells if each]
    assert cells[cells.index("Many") : cells.index("Many") + 4] == ["Many", "event-api", "57", "1"]
    address: str | None = "/dead-letters?account=paged&code=Many"
    seen: list[str] = []
    while address:
        seen += letter_numbers(browser, address)
        links = browser.page(address).all("a")
        address = next((each["href"] for each in links if each.get("rel") == "next"), None)
    assert (len(seen), len(set(seen))) == (57, 57)
    assert len(letter_numbers(browser, "/dead-letters?account=paged&code=Few")) == 3
    assert len(letter_numbers(browser, "/dead-letters?account=paged&text=PAGED-59")) == 1
    assert len(letter_numbers(browser, "/dead-letters?account=paged&attempts=2")) == 0
    assert len(letter_numbers(browser, "/dead-letters?account=paged&since=1h&code=Few")) == 3
    assert len(letter_numbers(browser, "/dead-letters?account=paged&expires=expired")) == 0


@pytest.mark.parametrize("query", ["since=soon", "until=2026", "expires=12", "attempts=-1", "attempts=" + "9" * 50])
def test_a_filter_that_cannot_be_meant_is_told_beside_the_form(browser: Browser, query: str) -> None:
    answer = browser.get(f"/dead-letters?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "must be" in answer.text


@pytest.mark.parametrize("address", ["/dead-letters?destination=x", "/dead-letters?after=x", "/audit?limit=x"])
def test_other_nonsense_in_an_address_does_no_harm(browser: Browser, address: str) -> None:
    assert browser.get(address).status_code in (200, 400)


@pytest.mark.parametrize("place", ["event-api/0/999999", "event-api/7/1", "nowhere/0/1"])
def test_a_letter_that_is_gone_is_told_so(browser: Browser, place: str) -> None:
    for action in ("", "/edit", "/discard"):
        answer = browser.get(f"/dead-letters/{place}{action}")
        assert answer.status_code == 404


def test_a_letter_is_shown_in_full(browser: Browser, buried: Bury) -> None:
    buried("full-1", account="full", code="Shown", message="not like this", trace_id="trace-77")
    (number,) = letter_numbers(browser, "/dead-letters?account=full")
    text = browser.page(f"{LETTER}{number}").text
    for part in ("full-1", "Shown", "not like this", "trace-77", '"eventType": "conversion"', "1 attempt,"):
        assert part in text


def test_an_event_is_edited_after_its_faults_and_its_difference_were_shown(
    console: Console, jane: Browser, buried: Bury, ask: Ask
) -> None:
    """The one before stays in the history."""
    buried("edit-1", account="edit")
    (number,) = letter_numbers(jane, "/dead-letters?account=edit")
    here = f"{LETTER}{number}/edit"
    wrong = jane.submit(here, event=json.dumps(conversion("edit-1", eventType="")))
    assert wrong.status_code == 422
    assert "eventType" in wrong.text.split('id="faults"')[1].split("</div>")[0]
    nonsense = jane.submit(here, event="{")
    assert (nonsense.status_code, "is no JSON" in nonsense.text) == (422, True)
    changed = json.dumps(conversion("edit-1", eventType="transaction"))
    look = jane.submit(here, event=changed, step="look", why="a draft")
    shown = jane.get(look.headers["location"])
    assert "<del>-  &#34;eventType&#34;: &#34;conversion&#34;,</del>" in shown.text
    assert "<ins>+  &#34;eventType&#34;: &#34;transaction&#34;,</ins>" in shown.text
    assert 'value="a draft"' in shown.text
    assert "edited by" not in jane.page(f"{LETTER}{number}").text
    page = jane.followed(jane.submit(here, event=changed, step="save", why="the shop sent the wrong type"))
    assert "edited by Jane" in page.text
    assert '"eventType": "transaction"' in page.text
    entry = last_entry(console, ask)
    assert (entry["action"], entry["via"], entry["why"]) == ("dlq edit", "console", "the shop sent the wrong type")
    assert "transaction" not in json.dumps(entry)
    back = jane.get(look.headers["location"])
    assert (back.status_code, "<ins>" in back.text) == (200, False), "going back shows the event as it is now"


def test_what_somebody_wrote_in_the_editor_is_for_that_session_and_letter_alone(
    browser: Browser, jane: Browser, buried: Bury
) -> None:
    buried("draft", account="draft")
    (number,) = letter_numbers(jane, "/dead-letters?account=draft")
    here = f"{LETTER}{number}/edit"
    look = jane.submit(here, event=json.dumps(conversion("draft", eventType="private")))
    assert "private" in jane.get(look.headers["location"]).text
    assert "private" not in browser.get(look.headers["location"]).text


@pytest.mark.parametrize(
    "text", ["Your session expired, call 123", "discarded-x", "nothing", "unknown-1", "discarded-" + "9" * 5_000]
)
def test_a_page_says_nothing_that_an_address_made_up(browser: Browser, text: str) -> None:
    assert '<p class="note good" role="status">' not in browser.get("/dead-letters", params={"done": text}).text
    assert "1,234 discarded" in browser.get("/dead-letters?done=discarded-1234").text


def test_an_edit_of_what_somebody_else_edited_meanwhile_changes_nothing(browser: Browser, buried: Bury) -> None:
    buried("edit-2", account="edit-2")
    (number,) = letter_numbers(browser, "/dead-letters?account=edit-2")
    here = f"{LETTER}{number}/edit"
    version = next(each["value"] for each in browser.page(here).all("input") if each.get("name") == "version")
    browser.submit(here, event=json.dumps(conversion("edit-2", eventType="first")), step="save")
    late = browser.submit(
        here, event=json.dumps(conversion("edit-2", eventType="second")), step="save", version=version
    )
    assert late.status_code == 409
    assert "somebody else edited it" in late.text.lower()
    assert '"eventType": "first"' in browser.page(f"{LETTER}{number}").text


def test_letters_of_a_reason_are_replayed_after_a_look_and_the_replay_is_steered(
    console: Console, jane: Browser, buried: Bury, ask: Ask
) -> None:
    """Without a worker nothing moves, so each step can be seen."""
    for number in range(3):
        buried(f"replay-{number}", account="replay", code="Mended")
    look = jane.page("/dead-letters/replay?account=replay&code=Mended")
    assert "Replay 3 dead letters?" in look.text
    started = jane.submit("/dead-letters/replay?account=replay&code=Mended", why="currency is known now", limit="2")
    page = jane.followed(started)
    here = started.headers["location"]
    assert here.startswith("/replays/r-")
    assert "0 of 2 moved" in page.text
    assert "running" in page.text
    assert [each["hx-get"] for each in page.all("div") if "hx-get" in each] == [here]
    entry = last_entry(console, ask)
    assert (entry["action"], entry["why"], entry["details"]["chosen"]) == (
        "dlq replay begun",
        "currency is known now",
        2,
    )
    assert "paused" in jane.followed(jane.submit(here, f"{here}/pause")).text
    assert "running" in jane.followed(jane.submit(here, f"{here}/resume")).text
    over = jane.followed(jane.submit(here, f"{here}/cancel"))
    assert "cancelled" in over.text
    assert not [each for each in over.all("div") if "hx-get" in each]
    assert last_entry(console, ask)["action"] == "dlq cancel"
    assert "cancelled" in jane.page("/replays").text


def test_a_replay_that_nobody_knows_is_told_so(browser: Browser) -> None:
    assert browser.get("/replays/r-nothing").status_code == 404
    assert browser.act("/replays/r-nothing/pause", {}).status_code == 404


@pytest.mark.parametrize(
    "fields", [{"limit": "0"}, {"limit": "x"}, {"rate": "-1"}, {"filter": "[]"}, {"filter": '{"nothing": 1}'}]
)
def test_a_replay_of_nonsense_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    told = {"filter": '{"account": "nonsense"}', **fields}
    assert browser.act("/dead-letters/replay", told).status_code == 400


def test_only_what_was_shown_is_discarded(console: Console, jane: Browser, buried: Bury, ask: Ask) -> None:
    """What dies after the question was asked stays."""
    buried("discard-1", account="discard")
    look = jane.page("/dead-letters/discard?account=discard")
    assert "Discard 1 dead letter?" in look.text
    chosen = next(each["value"] for each in look.all("input") if each.get("name") == "filter")
    buried("discard-2", account="discard")
    page = jane.followed(jane.act("/dead-letters/discard", {"filter": chosen, "why": "test orders"}))
    assert "1 discarded" in page.text
    assert len(letter_numbers(jane, "/dead-letters?account=discard")) == 1
    entry = last_entry(console, ask)
    assert (entry["action"], entry["why"], entry["details"]["discarded"]) == ("dlq discard", "test orders", 1)


def test_one_letter_is_discarded(browser: Browser, buried: Bury) -> None:
    buried("one-1", account="one")
    (number,) = letter_numbers(browser, "/dead-letters?account=one")
    assert "1 discarded" in browser.followed(browser.submit(f"{LETTER}{number}/discard")).text
    assert browser.get(f"{LETTER}{number}").status_code == 404


def test_an_event_is_found_by_its_id(console: Console, browser: Browser, buried: Bury) -> None:
    Producer.from_env(console.env).enqueue("event-api", account="found", event=conversion("found-1"))
    assert "Waits" in browser.page("/events?id=found-1&account=found").text
    buried("found-2", account="lost", code="Lost")
    page = browser.page("/events?id=found-2")
    assert "Lost" in page.text
    assert [each for each in page.all("a") if each.get("href", "").startswith(LETTER)]
    assert "is known by now" in browser.page("/events?id=never&account=found").text


def test_the_audit_is_shown_with_who_what_and_why(jane: Browser) -> None:
    jane.act("/pause", {"destination": "server-events", "why": "a <b>reason</b>"})
    page = jane.page("/audit?limit=1")
    text = " ".join(page.text.split())
    assert "a <b>reason</b>" in text
    assert {"console", "pause"} <= set(page.cells)
    assert [each for each in page.all("a") if each.get("href") == "/audit?limit=5"]
    jane.act("/resume", {"destination": "server-events"})


def test_without_redis_a_page_says_so(browser: Browser) -> None:
    """And its supervisor is told."""
    with served({**environment(f"redis://127.0.0.1:{free_port()}/0")}) as lost, lost.browser() as client:
        assert client.get("/healthz").status_code == 503
        client.sign_in()
        answer = client.get("/")
        assert (answer.status_code, "Redis does not answer" in answer.text) == (503, True)
    assert browser.get("/healthz").text == "ok\n"
