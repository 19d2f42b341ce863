"""Every view is for everybody: with a keyboard alone, by ear, with little sight, on a phone, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import faults, pale_texts, unseen_focus
from tests.browser.stack import OTHER, Stack
from tests.browser.support import NARROW, WIDE, Complaints, letter_address, opened, overflow, sign_in

CODE = "InvalidAmount"
LETTERS = f"/dead-letters?code={CODE}"


@pytest.fixture(scope="module")
def seen(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Signed in; one tab for all that only looks."""
    with opened(browser, stack.url) as (page, _):
        sign_in(page)
        yield page


@pytest.fixture(scope="module")
def views(stack: Stack, seen: Page) -> list[str]:
    """Their addresses, of a letter and a replay among them, with an account held and a note in the audit."""
    letter = stack.cli.letters("--code", CODE)[0]
    stack.cli.done("pause", "event-api", "--account", "slow", "--reason", "for a look")
    replayed = stack.cli.done("dlq", "replay", letter["id"], "--yes", "--detach", "--json").json
    stack.cli.drain()
    one = letter_address(seen, code=CODE)
    about = ["/", "/accounts", "/dead-letters", LETTERS, "/dead-letters?since=nonsense", one, f"{one}/edit", "/audit"]
    acting = [f"/dead-letters/replay?code={CODE}", f"/dead-letters/discard?code={CODE}", f"{one}/discard"]
    replays = ["/replays", f"/replays/{replayed['replay']}"]
    return [*about, *acting, *replays, f"/events?id={OTHER}-1&account={OTHER}", "/events?id=x", "/no-such-page"]


def test_every_view_is_for_everybody(seen: Page, views: list[str]) -> None:
    """Headings, names, labels and landmarks; contrast in both schemes; a focus that is seen; no wider than a phone."""
    for address in views:
        seen.goto(address)
        expect(seen.get_by_role("navigation", name="Main")).to_be_visible()
        found = [*faults(seen), *pale_texts(seen), *unseen_focus(seen)]
        seen.set_viewport_size(NARROW)
        assert (found, max(0, overflow(seen))) == ([], 0), address
        seen.set_viewport_size(WIDE)


def test_the_first_tab_leads_past_the_navigation(seen: Page) -> None:
    seen.goto("/dead-letters")
    seen.keyboard.press("Tab")
    skip = seen.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    seen.keyboard.press("Enter")
    expect(seen.get_by_role("main")).to_be_focused()
    seen.keyboard.press("Tab")
    expect(seen.get_by_role("main").locator(":focus")).to_have_count(1)


def test_the_page_before_signing_in_is_for_everybody_too(page: Page, complaints: Complaints) -> None:
    page.goto("/audit")
    assert faults(page) == []
    assert pale_texts(page) == []
    page.get_by_label("Token").fill("a-token-that-is-wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    expect(page.get_by_label("Token")).to_have_accessible_description("This is not the token.")
    assert faults(page) == []
    assert pale_texts(page) == []
    (told,) = complaints.told
    assert "403" in told


def test_all_of_it_works_without_javascript(browser: Browser, stack: Stack) -> None:
    """Signed in, filtered, one letter replayed, its progress seen by asking again."""
    stack.forwarder.sandbox.faults()
    with opened(browser, stack.url, java_script_enabled=False, viewport=NARROW) as (page, complaints):
        page.goto("/dead-letters")
        page.get_by_label("Token").fill("a-token-for-tests-alone")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Code").fill(CODE)
        page.get_by_role("button", name="Filter").click()
        letters = page.get_by_role("table", name="The dead letters that the filter takes").get_by_role("rowheader")
        event_id = letters.first.inner_text()
        left = letters.count()
        letters.first.get_by_role("link").click()
        page.get_by_role("link", name="Replay…").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Replay 1 dead letter?")
        page.get_by_role("button", name="Replay").click()
        expect(page).to_have_url(re.compile("/replays/r-"))
        stack.cli.drain()
        stack.forwarder.sandbox.wait(events=1)
        _until_over(page)
        page.goto(LETTERS)
        expect(letters).to_have_count(left - 1)
        page.goto(f"/events?id={event_id}&account={OTHER}")
        expect(page.get_by_text(re.compile("^Delivered .* with trace id"))).to_be_visible()
        assert complaints.told == []


def _until_over(page: Page) -> None:
    for _ in range(100):
        if page.get_by_text("✓ done").count():
            return
        page.wait_for_timeout(100)
        page.reload()
    raise AssertionError("the replay did not end")
