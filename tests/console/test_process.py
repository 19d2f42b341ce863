"""`forwarder console` as a program: what it tells, whom it refuses to start for, and what its package holds."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from tests.console.support import TOKEN, Browser
from tests.integration.support import FORWARDER, Cli, environment
from tests.unit.imports import ROOT
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture
def cli(redis_server: EmbeddedRedis, tmp_path: Path) -> Cli:
    return Cli({**environment(redis_server.url), "FORWARDER_DATA_DIR": str(tmp_path)}, tmp_path)


def test_without_a_token_one_is_made_and_printed_once(cli: Cli) -> None:
    """It ends in order by SIGTERM, with a page still open."""
    ours, its = pty.openpty()
    process = subprocess.Popen([FORWARDER, "console", "--port", "0"], env=cli.env, cwd=cli.folder, stdout=its)
    os.close(its)
    terminal = os.fdopen(ours, "rb", buffering=0)
    try:
        address, token = terminal.readline().decode().split(), terminal.readline().decode().split()
        assert (address[0], token[0]) == ("console", "token")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address[1])
        with Browser(address[1]) as browser:
            assert browser.sign_in("not the token").status_code == 403
            assert browser.sign_in(token[1]).status_code == 303
            assert "Destinations" in browser.page("/").text
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        rest = b""
        with suppress(OSError):  # what a terminal says whose other side is closed
            rest = terminal.read(65_536)
        assert token[1].encode() not in rest
    finally:
        process.kill()
        terminal.close()


def test_without_a_terminal_none_is_made_up(cli: Cli) -> None:
    """It would stay in a journal, another at each start."""
    ended = cli.run("console", "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert "FORWARDER_CONSOLE_TOKEN" in ended.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "console.example.com"])  # noqa: S104 - refused
def test_a_host_other_than_loopback_needs_a_token_of_its_own(cli: Cli, host: str) -> None:
    ended = cli.run("console", "--host", host, "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert "FORWARDER_CONSOLE_TOKEN" in ended.err


@pytest.mark.parametrize("token", ["short", "fifteen-letters", "with a space in it", "x" * 201])
def test_a_token_that_could_be_guessed_is_refused_without_being_repeated(cli: Cli, token: str) -> None:
    ended = cli.run("console", "--port", "0", FORWARDER_CONSOLE_TOKEN=token)
    assert ended.status == 2
    assert "FORWARDER_CONSOLE_TOKEN" in ended.err
    assert token not in ended.err


def test_a_port_that_is_taken_is_told_in_one_line(cli: Cli, redis_server: EmbeddedRedis) -> None:
    port = redis_server.url.rpartition(":")[2].partition("/")[0]
    ended = cli.run("console", "--port", port, FORWARDER_CONSOLE_TOKEN=TOKEN)
    assert (ended.status, ended.err.count("\n")) == (1, 1)


def test_a_wrong_address_of_a_proxy_is_refused(cli: Cli) -> None:
    ended = cli.run("console", "--port", str(free_port()), FORWARDER_CONSOLE_URL="https://console.example.com/path")
    assert (ended.status, "FORWARDER_CONSOLE_URL" in ended.err) == (2, True)


def test_the_package_holds_templates_and_static_files() -> None:
    """And the licence of what is not ours. As setuptools matches it: a pattern each for a folder and an ending."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    package = ROOT / "worker/console"
    held = {each for pattern in patterns["worker.console"] for each in package.glob(pattern)}
    files = {each for part in ("templates", "static") for each in (package / part).iterdir()}
    assert len(files) > 10
    assert files == held
    assert package / "static/htmx-2.0.11.LICENSE.txt" in held
