"""The console and the exporter as processes, asked by people who name somebody in every place that there is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.console.support import Browser
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.ports import free_port, wait_http

SHOWING_NOBODY = ("/", "/accounts", "/replays", "/audit", "/login", "/healthz", "/dead-letters/replay?code=UnusualCode")


class Watching(NamedTuple):
    """Where the console is, and what Prometheus asks."""

    console: str
    metrics: str
    metrics_token: str

    def scraped(self) -> str:
        """What the exporter says, to who may ask and to who may not."""
        with httpx.Client(trust_env=False) as client:
            told = [client.get(self.metrics, headers={"Authorization": f"Bearer {self.metrics_token}"})]
            told += [
                client.get(f"{self.metrics}?{self.metrics_token}"),
                client.post(self.metrics),
                client.get(self.console),
            ]
        assert told[0].status_code == 200
        return "\n".join(each.text for each in told)

    def looked_at(self, token: str, address: str, name: str) -> dict[str, str]:
        """Address -> the page, of those that show no event. The others are asked for as well, so that it logs."""
        with Browser(self.console) as browser:
            browser.sign_in(f"not-{token}", address)
            assert browser.sign_in(token, "ann").status_code == 303
            letters = browser.page("/dead-letters").all("a")
            letter = next(
                each["href"] for each in letters if each.get("href", "").startswith("/dead-letters/event-api/")
            )
            for page in (f"/events?id={address}&account=98001", f"/dead-letters?text={name}", letter, f"/{address}"):
                browser.get(page)
            for _ in range(2):  # refused for its faults, then for its origin
                browser.act(f"{letter}/edit", {"event": f'{{"eventType": "{address}", "{name}": "{address}"}}'})
                browser.own = {"origin": f"https://{name}.example.com"}
            browser.get("/", headers={"host": f"{name}.example.com"})
            browser.cookies.set(address, name)
            return {page: browser.get(page).text for page in SHOWING_NOBODY}

    def without_redis(self, token: str, address: str) -> str:
        """What both say then."""
        with Browser(self.console) as browser:
            browser.sign_in(token)
            told = [browser.get(f"/events?id={address}&account=98001"), browser.get("/healthz")]
        assert told[1].status_code == 503
        headers = {"Authorization": f"Bearer {self.metrics_token}"}
        return told[1].text + httpx.get(self.metrics, headers=headers, trust_env=False).text


@contextlib.contextmanager
def watching(env: Mapping[str, str], folder: Path, token: str, metrics_token: str) -> Iterator[Watching]:
    """Their logs are `console.log` and `metrics.log` in the folder."""
    ports = free_port(), free_port()
    console = parts.console(env, folder, ports[0], token)
    argv = parts.python("-m", "worker.cli", "metrics", "--port", str(ports[1]))
    metrics = Child("metrics", argv, {**env, "FORWARDER_METRICS_TOKEN": metrics_token}, folder / "metrics.log")
    with contextlib.ExitStack() as ending:
        for child in (console, metrics):
            ending.callback(child.kill)
            child.start()
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        wait_http(f"{urls[0]}/healthz", parts.READY_S, console)
        wait_http(urls[1], parts.READY_S, metrics)
        yield Watching(urls[0], f"{urls[1]}/metrics", metrics_token)


def an_editor(folder: Path, text: str) -> str:
    """A program that leaves this in the file, and no mercy."""
    file = folder / "editor.sh"
    file.write_text(f"#!/bin/sh\ncat >\"$1\" <<'END'\n{text}\nEND\n")
    os.chmod(file, 0o700)
    return str(file)
