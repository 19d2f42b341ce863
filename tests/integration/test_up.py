"""`forwarder up`: the whole stack in the foreground, found by other commands through its data folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.support import Browser
from tests.integration.support import (
    FORWARDER,
    Cli,
    alive,
    eventually,
    ids_of,
    processes_under,
    samples,
    times_accepted,
)
from tests.support.sandbox import Sandbox
from worker.stack import parts
from worker.stack.ports import free_port


class Up:
    """A running `forwarder up`: what it printed, and the addresses in it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.printed = ""
        for line in process.stdout:
            self.printed += line
            if line.strip().startswith("logs"):
                break
        self.children = processes_under(process.pid) - {process.pid}

    def address(self, name: str) -> str:
        found = re.search(rf"^ *{name}  (\S+)", self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]

    def secret(self, name: str) -> str:
        """The last word of its line."""
        found = re.search(rf"^ *{name}  .* (\S+)$", self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]

    def ends_after(self, number: signal.Signals) -> str:
        """What else it wrote, once it ended after the signal: in order, and with no process left."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=40)
        assert (self.process.returncode, err) == (0, "")
        assert alive(self.children) == set()
        return out


@contextmanager
def up(env: dict[str, str], folder: Path) -> Iterator[Up]:
    ports = [item for name in ("flower", "sandbox", "console") for item in (f"--{name}-port", str(free_port()))]
    command = [FORWARDER, "up", *ports]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )
    try:
        running = Up(process)
        assert process.poll() is None, process.communicate()
        yield running
    finally:
        process.kill()  # its children end with it
        process.wait()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop's folder, with packages of its own that are called like ours."""
    folder = tmp_path / "shop"
    for name in ("worker", "producers", "celery", "redis"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('the shop was imported')\n")
    (folder / "celeryconfig.py").write_text("raise SystemExit('the shop was imported')\n")
    return folder


@pytest.fixture
def shop_env() -> dict[str, str]:
    """Nothing is configured but a folder for the data, relative to the shop's."""
    return parts.clean(os.environ, FORWARDER_DATA_DIR="var/forwarder", FORWARDER_LINGER_MS="100")


def test_up_in_a_shops_folder_delivers_what_another_process_enqueues(shop: Path, shop_env: dict[str, str]) -> None:
    """It says where everything is; Ctrl-C ends it all."""
    cli = Cli(shop_env, shop)
    lines = samples("94001", 250)
    with up(shop_env, shop) as running, Sandbox(running.address("sandbox")) as sandbox:
        assert running.address("Redis").startswith("redis://127.0.0.1:")
        assert running.address("Flower").startswith("http://127.0.0.1:")
        assert "at work" in running.printed
        assert "password" in running.printed
        assert len(running.children) >= 5
        with Browser(running.address("console")) as browser:
            assert browser.sign_in(running.secret("console")).status_code == 303
            assert running.address("Flower") in browser.get("/").text
        cli.enqueue(lines)
        assert cli.drain()["delivered"] == 250
        assert cli.done("health").status == 0
        assert times_accepted(sandbox) == dict.fromkeys(ids_of(lines), 1)
        assert "stopped" in running.ends_after(signal.SIGINT)
    gone = cli.run("status")
    assert (gone.status, gone.err.count("\n")) == (1, 1)


def test_events_that_wait_when_up_is_stopped_are_delivered_by_the_next_one(
    tmp_path: Path, shop_env: dict[str, str]
) -> None:
    """After SIGTERM, and after SIGKILL of everything."""
    cli = Cli(shop_env, tmp_path)
    first, second = samples("94002", 120), samples("94002", 30, first=120)
    with up(shop_env, tmp_path) as running:
        cli.enqueue(first, FORWARDER_LINGER_MS="3600000")
        with Sandbox(running.address("sandbox")) as sandbox:
            sandbox.wait(events=100)
        running.ends_after(signal.SIGTERM)
    with up(shop_env, tmp_path) as running, Sandbox(running.address("sandbox")) as sandbox:
        assert cli.ledger()["open"] == 20
        cli.enqueue(second, FORWARDER_LINGER_MS="3600000")
        cli.enqueue(samples("94002", 50, first=150))  # fills the batch up
        assert cli.drain()["delivered"] == 200
        assert times_accepted(sandbox).keys() >= ids_of(second) | {"94002-119"}
        running.ends_after(signal.SIGINT)


def test_a_second_up_on_the_same_folder_is_refused_and_does_not_disturb_the_first(
    tmp_path: Path, shop_env: dict[str, str]
) -> None:
    """One line says why. The first, killed afterwards, leaves no process behind.

    And each address that it prints is one unbroken line, however long the folder's name and however narrow the
    terminal: people copy it, scripts read it.
    """
    folder = tmp_path / ("a-long-name-" * 8)
    folder.mkdir()
    narrow = {**shop_env, "COLUMNS": "40", "FORWARDER_FLOWER_PASSWORD": "a password of several words"}
    cli = Cli(shop_env, folder)
    with up(narrow, folder) as running:
        lines = running.printed.splitlines()
        assert len(lines) == 6, lines
        assert lines[-1].split() == ["logs", str(folder / "var/forwarder")]
        second = cli.run("up", "--flower-port", str(free_port()))
        assert (second.status, second.err.count("\n")) == (1, 1), second.err
        assert "used by another" in second.err
        assert cli.done("health").status == 0
    eventually(lambda: not alive(running.children))
