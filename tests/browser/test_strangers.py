"""Events are written by strangers: whatever they hold, a browser shows it as text and runs none of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stack import Stack
from tests.browser.support import NARROW, Complaints, letter_address, opened, overflow, sign_in

SCRIPT = "<script>hit()</script>{{7*7}}"
IMAGE = '"><img src=x onerror=hit()>'
LINK = "javascript:hit()"
LEAVES = "</textarea></pre></svg><svg onload=hit()>"
TURNED = "\u202egpj.exe\u2066\u200b\u2069"
LONG = "W" * 5_000
ALL = f"{SCRIPT}{IMAGE}'{LINK}{LEAVES}{TURNED}"
Phone = tuple[Page, Complaints]


@pytest.fixture
def phone(browser: Browser, stack: Stack) -> Iterator[Phone]:
    with opened(browser, stack.url, viewport=NARROW) as (page, complaints):
        page.add_init_script("window.hit = () => { window.wasHit = true }")
        yield page, complaints


@pytest.fixture
def hostile(stack: Stack, phone: Phone) -> list[str]:
    """Addresses of all views, of letters whose every field is hostile; an account is held for such a reason too."""
    fields = {SCRIPT: ALL + LONG, IMAGE: LONG, "note": f"{LEAVES}<script>hit()</script>"}
    data = [{"name": name, "value": value} for name, value in fields.items()]
    events = [{"clientEventId": each, "eventType": IMAGE, "objectData": data} for each in (SCRIPT, IMAGE)]
    rule = {"refuse": True, "code": ALL, "message": ALL + LONG, "match": {"event": {"eventType": IMAGE}}}
    stack.forwarder.sandbox.faults(rule)
    stack.cli.enqueue({"destination": "event-api", "account": IMAGE, "event": event} for event in events)
    stack.cli.drain()
    letters = [each for each in stack.cli.letters() if each["account"] == IMAGE]
    assert {each["id"] for each in letters} == {SCRIPT, IMAGE}
    stack.cli.done("pause", "event-api", "--account", IMAGE, "--reason", ALL + LONG)
    sign_in(phone[0], f"/login?next={quote(LINK)}", name=SCRIPT)
    one = letter_address(phone[0], account=IMAGE)
    by_code = f"code={quote(letters[0]['reasons'][0]['code'])}"
    whose = f"id={quote(SCRIPT)}&account={quote(IMAGE)}"
    chosen = [f"/dead-letters{step}?{by_code}" for step in ("", "/replay", "/discard")]
    asked = [f"/events?{whose}&type={quote(IMAGE)}", f"/accounts?account={quote(IMAGE)}", f"/dead-letters?{whose}"]
    wrong = [f"/dead-letters?since={quote(ALL)}", f"/dead-letters?done={quote(ALL)}", f"/replays/{quote(IMAGE)}"]
    return ["/", "/accounts", "/dead-letters", one, f"{one}/edit", f"{one}/discard", *chosen, *asked, *wrong]


def test_hostile_content(stack: Stack, hostile: list[str], phone: Phone) -> None:
    """In every view: no script runs, no question opens, nothing is wider than a phone, texts are as they were."""
    page, complaints = phone
    for address in hostile:
        page.goto(address)
        _harmless(page, address)
    _shown_as_it_is(page, hostile)
    _edited(page, f"{hostile[3]}/edit")
    _replayed(page, hostile[7])
    _resumed(page)
    stack.cli.drain()
    page.goto("/audit")
    _harmless(page, "/audit")
    expect(page.get_by_role("row").filter(has_text="dlq edit").first).to_contain_text(SCRIPT)
    assert [each for each in complaints.told if not re.search(r"status of 4(00|04|22)\b", each)] == []


def _harmless(page: Page, where: str) -> None:
    assert page.evaluate("window.wasHit") is None, where
    assert overflow(page) <= 0, f"{where} is {overflow(page)} px too wide"
    assert page.locator("img, [onerror], [onload], a[href^='javascript:']").count() == 0, where
    assert "{{49}}" not in (text := page.locator("body").inner_text()), where
    assert not re.search("[\u202e\u2066\u200b\u2069]", text), where


def _shown_as_it_is(page: Page, hostile: list[str]) -> None:
    page.goto(hostile[3])
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(f"{re.escape(IMAGE)}|{re.escape(SCRIPT)}"))
    died = page.get_by_role("region", name="Why it died")
    expect(died).to_contain_text(SCRIPT + IMAGE)
    expect(died).to_contain_text("[U+202E]gpj.exe")
    shown = json.loads(page.get_by_label("The event as JSON").inner_text())
    assert shown["objectData"][0] == {"name": SCRIPT, "value": ALL + LONG}
    page.goto(hostile[9])
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"event-api: {IMAGE}")


def _edited(page: Page, address: str) -> None:
    """What the field holds is the event; what is written there is kept as it is."""
    page.goto(address)
    area = page.get_by_label("Event, as JSON")
    event = json.loads(area.input_value())
    assert event["objectData"][0] == {"name": SCRIPT, "value": ALL + LONG}
    event["objectData"][2]["value"] += "</ins></pre>" + SCRIPT
    area.fill(json.dumps(event))
    page.get_by_label("Why (for the audit)").fill(ALL)
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("region", name="What changes").get_by_role("insertion")).to_contain_text(SCRIPT)
    _harmless(page, "the difference")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="edited")).to_be_visible()
    _harmless(page, "the edited letter")


def _replayed(page: Page, address: str) -> None:
    """With a reason that is hostile, while its page refreshes itself; and refused again."""
    page.goto(address)
    page.get_by_label("Why (for the audit)").fill(ALL)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("✓ done")).to_be_visible()
    _harmless(page, "the replay")
    expect(page.get_by_role("region", name="About it")).to_contain_text(SCRIPT)
    page.get_by_role("link", name="All replays").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replays")
    _harmless(page, "/replays")


def _resumed(page: Page) -> None:
    """An account is called by its name, whatever that is."""
    page.goto("/accounts")
    resume = page.get_by_role("button", name=f"Resume {IMAGE} of event-api")
    resume.click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(IMAGE)
    expect(resume).to_have_count(0)
