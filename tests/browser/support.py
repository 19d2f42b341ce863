"""A real Chromium on a real console, and what is asked of every page of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from playwright.sync_api import (
    Browser,
    BrowserContext,
    FloatRect,
    Locator,
    Page,
    Playwright,
    ViewportSize,
    sync_playwright,
)

from tests.support.programs import needed

TOKEN = "a-token-for-tests-alone"
WIDE: ViewportSize = {"width": 1280, "height": 860}
NARROW: ViewportSize = {"width": 360, "height": 740}
MOST_HIGH = 1_600  # of a picture
WITHIN_MS = 20_000  # on a busy machine


class Complaints(NamedTuple):
    """What a browser had to say against a page: errors, refusals of its policy, questions, other origins."""

    told: list[str]

    def taken(self) -> list[str]:
        """And forgotten."""
        told = list(self.told)
        self.told.clear()
        return told


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's own; never one that Playwright brings. While it runs, this thread can run no other event loop."""
    program = needed("chromium")
    with sync_playwright() as playwright, _launched(playwright, program) as browser:
        yield browser


@contextmanager
def _launched(playwright: Playwright, program: str) -> Iterator[Browser]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to be root's otherwise
    browser = playwright.chromium.launch(executable_path=program, headless=True, args=sandbox)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **how: Any) -> Iterator[tuple[Page, Complaints]]:
    """A page in a context of its own, and what is said against it."""
    context = browser.new_context(**{"base_url": url, "viewport": WIDE, "reduced_motion": "reduce", **how})
    context.set_default_timeout(WITHIN_MS)
    try:
        page = context.new_page()
        yield page, watched(context, page, url)
    finally:
        context.close()


def watched(context: BrowserContext, page: Page, url: str) -> Complaints:
    told: list[str] = []

    def asked(address: str) -> None:
        if not address.startswith((f"{url}/", "data:,")):
            told.append(f"asked {address}")

    def opens(dialog: Any) -> None:
        told.append(f"dialog {dialog.message}")
        dialog.dismiss()

    context.on("request", lambda request: asked(request.url))
    page.on("console", lambda line: told.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", opens)
    return Complaints(told)


def sign_in(page: Page, address: str = "/", name: str = "") -> None:
    """By the keyboard alone."""
    page.goto(address)
    page.keyboard.type(TOKEN)  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()


def letter_address(page: Page, **chosen: str) -> str:
    """Of the newest dead letter that the filter takes."""
    page.goto(f"/dead-letters?{urlencode(chosen)}")
    letters = page.get_by_role("table", name="The dead letters that the filter takes")
    address = letters.get_by_role("rowheader").first.get_by_role("link").get_attribute("href")
    assert address
    return address


def focused(page: Page) -> Locator:
    return page.locator(":focus")


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Presses Tab until it has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{wanted} cannot be reached by Tab")


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window, once its style is there."""
    page.wait_for_load_state()
    return int(page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth"))


class Pictures:
    """Writes each view four times: light and dark, wide and narrow. Nothing of it may be wider than its window."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, page: Page, name: str) -> None:
        for width, size in (("wide", WIDE), ("narrow", NARROW)):
            page.set_viewport_size(size)
            assert overflow(page) <= 0, f"{name} is {overflow(page)} px too wide at {size['width']} px"
            height = min(MOST_HIGH, page.evaluate("document.documentElement.scrollHeight"))
            clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": height}
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=self.folder / f"{name}-{width}-{scheme}.png", full_page=True, clip=clip)
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
