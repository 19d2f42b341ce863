"""The eyes of these tests see: each fault of a page is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.looking import faults, pale_texts, unseen_focus
from tests.browser.support import opened

PAGE = """<html lang="en"><title>A · Forwarder</title><style>
body { background: #fff } @media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }
:focus-visible { outline: 3px solid red }</style>
<body><header></header><main><h1>A</h1>%s</main><footer></footer></body></html>"""


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with opened(browser, "about:blank") as (page, _):
        yield page


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<input>", "a field without a label"),
        ("<button></button>", "nothing to read"),
        ("<table><tr><td>1</table>", "a table without a caption"),
        ("<table><caption>a</caption><tr><th>1</table>", "a header without a scope"),
        ("<h1>B</h1>", "2 times h1"),
        ("<h3>B</h3>", "a heading that skips a level"),
        ("<section>1</section>", "a part without a name"),
        ("<p id=a></p><p id=a></p>", "twice the id a"),
        ("<p aria-labelledby=b></p>", "names b, which is not there"),
        ("<p style='color: #777'>1", "light: 4.48"),
        ("<a href=# style='color: #00e'>1", "dark: 2."),
        ("<a href=# style='outline: 0; color: #777'>1</a>", "outline: 0"),
        ("<a href=# style='position: absolute; left: -99px; color: #777'>1</a>", "left: -99px"),
    ],
)
def test_what_is_wrong_is_told(blank: Page, html: str, told: str) -> None:
    blank.set_content(PAGE % html)
    assert told in " ".join([*faults(blank), *pale_texts(blank), *unseen_focus(blank)])


def test_of_what_is_right_nothing_is_told(blank: Page) -> None:
    blank.set_content(PAGE % "<label>Name <input></label>")
    assert [*faults(blank), *pale_texts(blank), *unseen_focus(blank)] == []
