"""Events are written by strangers: whatever they hold, a page shows it as text, changes none of it and runs none."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from producers.keys import Slot
from tests.buffer.support import hold
from tests.console.conftest import Bury
from tests.console.support import Browser, Console, Parsed, conversion
from worker.connection.client import with_redis
from worker.console.text import pretty, visible

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)><b hx-get='/pause' hx-trigger='load'>{{7*7}}${7*7}"
HIDDEN = "\x1b[31m\x07\u202egnp.exe\u2066\u200b\u0000\r\n"
HOSTILE = MARKUP + HIDDEN
HUGE = "<i>" * 34_000  # 100 kB
LETTER = "/dead-letters/event-api/0/"


@pytest.fixture(scope="module")
def hostile(console: Console, buried: Bury) -> str:
    """The address of a letter that is hostile in every field; an account besides, that is parked for such a reason."""
    event = conversion("h", extra=HOSTILE, huge=HUGE, **{MARKUP: {"deep": [HOSTILE]}})
    told = {"code": HOSTILE, "message": HOSTILE + HUGE, "trace_id": HOSTILE, "event": event}
    buried("x" + HOSTILE.replace("\0", ""), account="a" + HOSTILE, **told)
    slot = Slot(console.env["FORWARDER_KEY_PREFIX"], "event-api", 0)

    async def park(redis: Any) -> None:
        await hold(redis, slot, "", "p" + HOSTILE, "parked", 0, HOSTILE, "print")

    asyncio.run(with_redis(console.env["FORWARDER_REDIS_URL"], park))
    return f"{LETTER}1"


def pages_of(hostile: str) -> list[str]:
    text = quote(HOSTILE)
    return [
        "/",
        "/accounts",
        hostile,
        f"{hostile}/edit",
        f"{hostile}/discard",
        "/dead-letters",
        f"/dead-letters?code={text}",
        f"/dead-letters?account=a{text}&text={text}",
        f"/dead-letters?since={text}",
        f"/dead-letters?done={text}",
        f"/dead-letters/discard?code={text}",
        f"/dead-letters/replay?code={text}",
        f"/dead-letters/replay?id={text}",
        f"/events?id={text}",
        f"/events?id=x{text}&type={text}",
        "/audit",
    ]


def assert_harmless(html: str) -> None:
    """Only elements and attributes of our own templates; nothing that cannot be seen."""
    page = Parsed(html)
    assert [each.get("src") for each in page.all("script")] == ["/static/htmx-2.0.11.min.js", "/static/console.js"]
    names = {name for name, _ in page.elements}
    assert not names & {"img", "i", "b", "iframe", "object", "style"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    live = [attributes["hx-get"] for _, attributes in page.elements if "hx-get" in attributes]
    assert not [each for each in live if each.startswith("/pause")]
    told = re.sub(r'value="[^"]*"', "", html)  # what a field holds is exact, or it would mean something else
    assert not [each for each in told if each in "\x1b\x07\x00\u202e\u2066\u200b\x85"]
    assert "49" not in page.text.replace("{{7*7}}", "") or "{{49" not in page.text


def test_hostile_texts_are_shown_as_text_on_every_page(browser: Browser, hostile: str) -> None:
    for address in pages_of(hostile):
        answer = browser.get(address)
        assert answer.status_code in (200, 400), address
        assert_harmless(answer.text)


def test_what_was_hostile_is_there_in_full_and_to_be_seen(browser: Browser, hostile: str) -> None:
    text = browser.page(hostile).text
    assert MARKUP in text
    assert "[U+001B][31m" in text
    assert "[U+202E]gnp.exe" in text
    assert HUGE in text


def test_a_hostile_event_is_edited_without_loss(browser: Browser, hostile: str) -> None:
    """What the form holds is the event, exactly, whatever a browser does to line ends."""
    html = browser.get(f"{hostile}/edit").text
    area = html.split("<textarea")[1].split(">\n", 1)[1].split("</textarea>")[0]
    told = json.loads(Parsed(f"<p>{area}</p>").text)
    assert told == conversion("h", extra=HOSTILE, huge=HUGE, **{MARKUP: {"deep": [HOSTILE]}})
    look = browser.submit(f"{hostile}/edit", event=json.dumps({**told, "extra": HOSTILE + "!"}), why=HOSTILE)
    assert_harmless(look.text)


def test_what_operators_write_is_text_too(console: Console, browser: Browser) -> None:
    """In a reason, a name and the audit."""
    with console.browser() as client:
        client.sign_in(name=HOSTILE)
        client.act("/accounts/pause", {"destination": "event-api", "account": json.dumps("who<b>"), "why": HOSTILE})
        for address in ("/", "/accounts", "/audit"):
            answer = client.get(address)
            assert_harmless(answer.text)
            assert MARKUP[:20] in Parsed(answer.text).text
    browser.act("/accounts/resume", {"destination": "event-api", "account": json.dumps("who<b>"), "why": HOSTILE})


def test_a_hostile_letter_is_discarded_by_its_filter(browser: Browser, buried: Bury) -> None:
    """The form carries the filter exactly, whatever it holds."""
    buried("g" + MARKUP, account="gone" + HOSTILE, code=HOSTILE)
    address = f"/dead-letters/discard?account={quote('gone' + HOSTILE)}"
    assert "Discard 1 dead letter?" in browser.page(address).text
    (form,) = [browser.submit(address, "/dead-letters/discard")]
    assert "1 discarded" in browser.followed(form).text
    assert "Discard 0 dead letters?" in browser.page(address).text


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\x7f", "\x9b31m", "\u2028", "\ufeff", "\u200f"])
def test_what_cannot_be_seen_is_told_by_its_number(text: str) -> None:
    assert visible(f"a{text[0]}b") == f"a[U+{ord(text[0]):04X}]b"
    assert json.loads(pretty({"a": text})) == {"a": text}
    assert text[0] not in pretty({"a": text})


def test_what_can_be_seen_stays() -> None:
    assert visible("Grüße, 東京 👍🏽\n\tإ") == "Grüße, 東京 👍🏽\n\tإ"
