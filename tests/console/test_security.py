"""Who may do what: nobody without the token, nothing for a page of somebody else, no name but ours."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from producers.errors import ConfigurationError
from tests.console.support import TOKEN, Browser, Console, served
from worker.console.access import LASTS_S, Access
from worker.console.forms import MAX_FORM, MAX_LOGIN
from worker.settings import console_settings
from worker.web.origin import Place
from worker.web.tries import ALL, EACH, TURN_S, WAITING, Crowded, Tries

PAGES = ("/", "/accounts", "/dead-letters", "/dead-letters/event-api/0/1", "/events?id=x", "/audit", "/nowhere")
ACTIONS = ("/pause", "/resume", "/accounts/pause", "/accounts/resume", "/dead-letters/discard")


@pytest.fixture
def stranger(console: Console) -> Iterator[Browser]:
    with console.browser() as client:
        yield client


@pytest.mark.parametrize("address", PAGES)
def test_without_a_cookie_every_page_leads_to_the_login_and_back(stranger: Browser, address: str) -> None:
    answer = stranger.get(address)
    assert answer.status_code == 303
    login = answer.headers["location"]
    assert login.startswith("/login?next=")
    wanted = next(each["value"] for each in stranger.page(login).all("input") if each.get("name") == "next")
    assert wanted == address
    signed = stranger.post("/login", data={"token": TOKEN, "next": wanted}, headers=stranger.own)
    assert (signed.status_code, signed.headers["location"]) == (303, address)


@pytest.mark.parametrize("address", ACTIONS)
def test_without_a_cookie_nothing_is_done(stranger: Browser, address: str) -> None:
    answer = stranger.post(address, data={"destination": "event-api"}, headers=stranger.own)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_part_that_is_refreshed_after_the_session_ended_leads_to_the_login(stranger: Browser) -> None:
    answer = stranger.get("/", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


@pytest.mark.parametrize(
    "wanted", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)", "/\tx"]
)
def test_after_signing_in_one_stays_here(stranger: Browser, wanted: str) -> None:
    answer = stranger.post("/login", data={"token": TOKEN, "next": wanted}, headers=stranger.own)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "\u00fc", "\x00"])
def test_a_wrong_token_gets_no_cookie(stranger: Browser, token: str) -> None:
    answer = stranger.sign_in(token)
    assert answer.status_code in (403, 429)
    assert not answer.cookies


def test_after_wrong_tokens_each_waits_for_its_turn_and_the_right_one_gets_in(console: Console) -> None:
    """Behind a proxy all have one address: who guesses must not lock the operators out."""
    with served(console.env) as own, own.browser() as client:
        assert [client.sign_in("wrong").status_code for _ in range(EACH)] == [403] * EACH
        began = time.monotonic()
        assert client.sign_in("wrong").status_code == 403
        assert client.sign_in().status_code == 303
        assert time.monotonic() - began >= 2 * TURN_S


async def test_only_so_many_wait_for_their_turn() -> None:
    tries = Tries()
    for _ in range(EACH):
        tries.wrong("a")
    waiting = [asyncio.create_task(tries.turn("a")) for _ in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded):
        await tries.turn("a")
    await tries.turn("b")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    waits = asyncio.create_task(tries.turn("a"))
    await waits


async def test_the_form_of_a_login_is_small_and_any_other_is_bounded_before_it_is_kept(console: Console) -> None:
    """Whoever has signed in may send more; only an edit may send megabytes."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    with console.browser() as client:
        for size, status in ((MAX_LOGIN - 10, 403), (MAX_LOGIN, 413)):
            answer = client.post("/login", content=b"token=" + b"x" * size, headers={**form, **client.own})
            assert answer.status_code == status
        client.sign_in()
        answer = client.post("/pause", content=b"why=" + b"x" * MAX_FORM, headers={**form, **client.own})
        assert answer.status_code == 413


def test_tries_are_forgotten_after_a_minute_and_bounded_over_all_addresses() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    for _ in range(EACH):
        assert tries.wait_s("a") == 0
        tries.wrong("a")
    assert tries.wait_s("a") > 0
    assert tries.wait_s("b") == 0
    now[0] = 61
    assert tries.wait_s("a") == 0
    for number in range(ALL):
        tries.wrong(str(number))
    assert tries.wait_s("never seen") > 0


def test_the_cookie_is_signed_ends_and_is_out_of_reach_of_scripts(console: Console, stranger: Browser) -> None:
    header = stranger.sign_in().headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", "path=/", f"max-age={LASTS_S}"} <= set(header.split("; "))
    assert "secure" not in header
    cookie = stranger.cookies["forwarder_console"]
    for forged in (
        "",
        "x",
        cookie[:-1],
        cookie + "x",
        cookie.replace("1.", "1.9", 1),
        cookie[::-1],
        "....",
        "1.2.3.4.5",
    ):
        assert console.access.session(forged) is None
        stranger.cookies.clear()
        assert stranger.get("/audit", headers={"cookie": f"forwarder_console={forged}"}).status_code == 303


def test_a_session_ends_with_time_and_with_the_token() -> None:
    now = [1_000.0]
    access = Access(TOKEN, lambda: now[0])
    cookie = access.grant("Jane\n Doe")
    session = access.session(cookie)
    assert session
    assert session.name == "Jane Doe"
    assert Access("another token, and all are out").session(cookie) is None
    now[0] += LASTS_S
    assert access.session(cookie) is None


def test_who_signs_out_is_out_everywhere(browser: Browser) -> None:
    """The cookie is worth nothing any more, also if somebody kept it."""
    kept = browser.cookies["forwarder_console"]
    assert browser.act("/logout", {}).headers["location"] == "/login"
    assert browser.get("/").status_code == 303
    browser.cookies.clear()
    assert browser.get("/", headers={"cookie": f"forwarder_console={kept}"}).status_code == 303


FOREIGN = [
    {"origin": "https://example.com", "sec-fetch-site": "cross-site"},
    {"origin": "https://example.com"},
    {"origin": "null"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("address", ["/pause", "/login", "/logout", "/dead-letters/discard"])
def test_nothing_acts_on_a_request_from_another_origin(browser: Browser, address: str, headers: dict[str, str]) -> None:
    """Also with the right cookie, the right token and the right form."""
    fields = {"csrf": browser.csrf(), "destination": "event-api", "token": TOKEN}
    answer = browser.post(address, data=fields, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "paused" not in browser.get("/").text.replace("paused destination", "")


@pytest.mark.parametrize("address", [*ACTIONS, "/logout"])
def test_nothing_acts_without_the_token_of_the_form(console: Console, browser: Browser, address: str) -> None:
    with console.browser() as other:
        other.sign_in()
        for csrf in ("", "x", other.csrf()):
            answer = browser.post(address, data={"csrf": csrf, "destination": "event-api"}, headers=browser.own)
            assert answer.status_code == 403
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("address", [*ACTIONS[:4], "/logout"])
def test_nothing_acts_by_a_link(browser: Browser, address: str) -> None:
    assert browser.get(address).status_code in (404, 405)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_do_nothing(browser: Browser, method: str) -> None:
    assert browser.request(method, "/pause", headers=browser.own).status_code == 405
    assert browser.request(method, "/pause").status_code == 403


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:8190", "127.0.0.1.example.com", "localhost.example.com", "192.0.2.7", "[", ""]
)
def test_the_host_of_a_stranger_is_refused(console: Console, browser: Browser, host: str) -> None:
    """A page whose name was pointed at this address gets nothing (DNS rebinding), not even the login."""
    for address in ("/", "/login", "/static/console.css"):
        assert browser.get(address, headers={"host": host}).status_code == 400
    assert browser.get("/", headers={"host": console.host.replace("127.0.0.1", "localhost")}).status_code == 200


def test_behind_https_the_cookie_is_secure_and_its_name_and_origin_count(console: Console) -> None:
    place = Place("127.0.0.1", "https://console.example.com")
    with served(console.env, place) as proxied, proxied.browser() as client:
        headers = {
            "host": "console.example.com",
            "origin": "https://console.example.com",
            "sec-fetch-site": "same-origin",
        }
        answer = client.sign_in(**headers)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-forwarder_console=")
        assert "Secure" in cookie
        assert client.get("/login", headers={"host": "other.example.com"}).status_code == 400
        assert client.sign_in(**{**headers, "origin": "https://other.example.com"}).status_code == 403


@pytest.mark.parametrize(
    "address", ["/", "/login", "/nowhere", "/static/console.css", "/dead-letters/event-api/0/9999"]
)
def test_every_answer_has_the_headers_that_bind_a_browser(browser: Browser, address: str) -> None:
    headers = browser.get(address).headers
    policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[each] for each in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if address.startswith("/static") else "no-store")
    assert "server" not in headers


def test_refusals_have_them_too(stranger: Browser) -> None:
    for answer in (stranger.get("/", headers={"host": "example.com"}), stranger.post("/pause"), stranger.get("/")):
        assert answer.status_code in (400, 403, 303)
        assert "content-security-policy" in answer.headers
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/accounts", "/dead-letters", "/events", "/audit", "/dead-letters/discard"])
def test_no_page_needs_what_the_policy_forbids(browser: Browser, address: str) -> None:
    """No inline script, style or handler; nothing from elsewhere."""
    html = browser.get(address).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", html)


def test_a_form_is_bounded_and_is_a_form(browser: Browser) -> None:
    many = "&".join(f"a{number}=1" for number in range(2_000))
    form = {"content-type": "application/x-www-form-urlencoded", **browser.own}
    assert browser.post("/pause", content=many, headers=form).status_code == 400
    assert browser.post("/pause", content=b"a=" + b"x" * 9_000_000, headers=form).status_code == 413
    assert browser.post("/pause", content=b"a=\xff%ff", headers=form).status_code == 400
    assert browser.post("/pause", json={"a": 1}, headers=browser.own).status_code == 415


async def test_a_host_header_cannot_stand_for_another_path(console: Console) -> None:
    """What is asked without the name of a console of ours is told by the path alone."""
    with console.browser() as client:
        for path in ("/audit", "/"):
            answer = client.get(path, headers={"host": "127.0.0.1/healthz?"})
            assert answer.status_code == 400


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.com", "https://a:b@example.com"])
def test_a_link_to_flower_is_an_address_of_the_web(url: str) -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_FLOWER_URL"):
        console_settings({"FORWARDER_FLOWER_URL": url})
    assert console_settings({"FORWARDER_FLOWER_URL": "https://flower.example.com/f/"}).flower_url
