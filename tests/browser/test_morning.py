"""What operators do in the morning, in a real browser: by roles and labels, as a screen reader names them."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.stack import MESSAGE, REASON, REFUSED, SHOP, TYPO, Stack, mended
from tests.browser.support import Complaints, Pictures, focused, sign_in, tab_to

WHY = "Rokt configured purchase; one was misspelled"


def test_an_operators_morning(stack: Stack, page: Page, complaints: Complaints, pictures: Pictures) -> None:
    """Letters of one reason: counted, one opened and edited, all replayed, watched, and an event found delivered."""
    sign_in(page, name="Jane")
    pictures.take(page, "overview")
    _finds_the_letters(page, pictures)
    _opens_one(stack, page, pictures)
    _edits_its_type(page, complaints, pictures)
    mended(stack)
    _replays_all_of_that_reason(page, pictures)
    stack.cli.drain()
    _finds_the_event(stack, page, pictures)
    _reads_the_audit(page)
    assert complaints.told == []
    assert not [each for each in stack.cli.letters() if each["reasons"][0]["code"] == REASON]


def _finds_the_letters(page: Page, pictures: Pictures) -> None:
    """Counted by reason; a filter by the keyboard, whose address can be given to somebody else."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Dead letters").click()
    row = page.get_by_role("table", name="Dead letters by queue and code").get_by_role("row").filter(has_text=REASON)
    expect(row.get_by_role("cell")).to_have_text(["event-api", str(REFUSED + 1), "1"])
    pictures.take(page, "dead-letters")
    row.get_by_role("link", name=REASON).click()
    expect(page.get_by_label("Code", exact=True)).to_have_value(REASON)
    page.get_by_label("Event id").focus()
    page.keyboard.type(TYPO)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"code={REASON}&id={TYPO}"))
    expect(page.get_by_role("heading", name="Letters, newest first (1)")).to_be_visible()


def _opens_one(stack: Stack, page: Page, pictures: Pictures) -> None:
    """With Rokt's words and the trace id that Rokt can be asked about."""
    page.get_by_role("table", name="The dead letters that the filter takes").get_by_role("link", name=TYPO).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(TYPO)
    expect(page.get_by_role("region", name="Why it died")).to_contain_text(f"{REASON} {MESSAGE}")
    (letter,) = [each for each in stack.cli.letters("--code", REASON) if each["id"] == TYPO]
    answered = {each["trace_id"] for each in stack.forwarder.sandbox.requests(SHOP)}
    assert letter["trace_id"] in answered
    expect(page.get_by_role("region", name="What it is")).to_contain_text(letter["trace_id"])
    pictures.take(page, "letter")


def _edits_its_type(page: Page, complaints: Complaints, pictures: Pictures) -> None:
    """First wrongly, which is told by field; then what changes is shown, and kept. By the keyboard alone."""
    tab_to(page, page.get_by_role("link", name="Edit"))
    page.keyboard.press("Enter")
    _types(page, "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("event.eventType")
    (told,) = complaints.taken()
    assert "422" in told
    assert json.loads(page.get_by_label("Event, as JSON").input_value())["eventType"] == ""
    _types(page, "purchase")
    page.keyboard.press("Enter")
    changes = page.get_by_role("region", name="What changes")
    expect(changes.get_by_role("deletion")).to_have_text(['-  "eventType": "purhcase",'])
    expect(changes.get_by_role("insertion")).to_have_text(['+  "eventType": "purchase",'])
    pictures.take(page, "edit-diff")
    tab_to(page, page.get_by_label("Why (for the audit)"))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(WHY)
    tab_to(page, page.get_by_role("button", name="Save"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="edited")).to_be_visible()
    expect(page.get_by_role("region", name="History")).to_contain_text(f": {WHY}")
    found_as = re.compile(f"^/events\\?id={TYPO}&account={SHOP}&type=purhcase$")  # whatever it is by now
    expect(page.get_by_role("link", name="Where is this event?")).to_have_attribute("href", found_as)


def _types(page: Page, event_type: str) -> None:
    """Another type into the text; the focus is then on the field after it."""
    area = page.get_by_label("Event, as JSON")
    tab_to(page, area)
    event = {**json.loads(area.input_value()), "eventType": event_type}
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(json.dumps(event, indent=2))
    tab_to(page, page.get_by_label("Why (for the audit)"))
    expect(focused(page)).to_have_attribute("name", "why")


def _replays_all_of_that_reason(page: Page, pictures: Pictures) -> None:
    """After a look at what it would do; the page then tells by itself how it goes on."""
    page.get_by_role("link", name="Letters of this reason").click()
    page.get_by_role("link", name="Replay all of these…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Replay {REFUSED + 1} dead letters?")
    page.get_by_label("Letters a second").fill("30")
    page.get_by_label("Why (for the audit)").fill(WHY)
    page.get_by_role("button", name="Replay").click()
    expect(page).to_have_url(re.compile("/replays/r-"))
    page.evaluate("window.stays = true")  # another page would not know it
    expect(page.get_by_text("▶ running")).to_be_visible()
    moved = page.get_by_text(re.compile(rf"^[1-9]\d* of {REFUSED + 1} moved$"))
    expect(moved).to_be_visible()
    pictures.take(page, "replay-progress")
    expect(page.get_by_role("status").filter(has_text="done, 100 percent")).to_be_attached()
    expect(page.get_by_text(f"{REFUSED + 1} of {REFUSED + 1} moved")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "100")
    assert page.evaluate("window.stays") is True


def _finds_the_event(stack: Stack, page: Page, pictures: Pictures) -> None:
    """Delivered when, and with which trace id: that of the request that Rokt took it in."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Find an event").click()
    page.get_by_label("Event id").fill(TYPO)
    page.get_by_label("Account", exact=True).fill(SHOP)
    page.get_by_label("Event type").fill("purhcase")
    page.keyboard.press("Enter")
    found = page.get_by_role("region", name="event-api: purhcase")
    trace_ids = {each["trace_id"] for each in stack.forwarder.sandbox.requests(SHOP)}
    expect(found.get_by_role("strong")).to_have_text(
        re.compile(rf"Delivered 20\d\d-\S+Z with trace id ({'|'.join(trace_ids)}), replayed\.")
    )
    expect(found.get_by_role("listitem")).to_have_text(
        [
            re.compile(each)
            for each in ("^Accepted between", "; dead\\.$", "^Was replayed into batch", "; delivered\\.$")
        ]
    )
    assert stack.forwarder.sandbox.event(TYPO)["eventType"] == "purchase"
    pictures.take(page, "event-found")


def _reads_the_audit(page: Page) -> None:
    """Who edited and who replayed, and why."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Audit").click()
    for action, via in (("dlq edit", "console"), ("dlq replay", "worker")):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(f"^{action}")))
        expect(row.first).to_contain_text("Jane (")
        expect(row.first).to_contain_text(via)
        expect(row.first).to_contain_text(WHY)
