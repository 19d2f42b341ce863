"""`python -m worker.sandbox` as a process: how it starts, what it prints, how it ends."""

from __future__ import annotations

import ast
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import worker.sandbox

from . import audience
from .conftest import ROOT, Client, SandboxProcess
from .samples import ACCOUNT, HEADERS, PATH, authorization, encode, event, payload


def run_to_its_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "worker.sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_within_a_second_even_when_connections_hang(number: signal.Signals) -> None:
    """A busy machine is given another chance; what hangs does so for a minute."""
    assert any(seconds_to_end(number) < 1 for _ in range(4))


def seconds_to_end(number: signal.Signals) -> float:
    """With requests in flight that will not end, and a question that waits."""
    running = SandboxProcess()
    client = Client(running.url)
    client.rules({"match": {"account": "slow"}, "delay": 60}, {"hang": True})
    sockets = [request_in_flight(running.url, account) for account in ("slow", "hangs")]
    client.ask("wait", requests=2)
    waiting = open_question(running.url)
    started = time.monotonic()
    running.process.send_signal(number)
    out, err = running.process.communicate(timeout=20)
    seconds = time.monotonic() - started
    assert (running.process.returncode, out, err) == (0, "", "")
    for connection in [*sockets, waiting]:
        connection.close()
    return seconds


def connect(url: str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 80), timeout=10)


def request_in_flight(url: str, account: str) -> socket.socket:
    connection = connect(url)
    body = encode(payload(event(), account=account))
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def open_question(url: str) -> socket.socket:
    connection = connect(url)
    connection.sendall(b"GET /_sandbox/wait?events=9&timeout=60 HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def test_it_prints_its_address_and_nothing_else() -> None:
    running = SandboxProcess("--host", "127.0.0.1")
    assert httpx.URL(running.url).host == "127.0.0.1"
    assert Client(running.url).send("a").status_code == 200
    assert running.stop() == (0, "", "")


def test_it_listens_on_the_port_it_is_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = SandboxProcess("--port", str(port))
    assert running.url == f"http://127.0.0.1:{port}"
    assert running.stop()[0] == 0


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run_to_its_end("--port", str(taken.getsockname()[1]))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("cannot listen on 127.0.0.1 port ")
    assert ended.stderr.count("\n") == 1


def test_rules_credentials_seed_and_byte_limit_can_be_given_at_the_start(tmp_path: Path) -> None:
    faults, credentials = tmp_path / "faults.json", tmp_path / "credentials.json"
    faults.write_text(json.dumps([{"status": 503, "times": 1}]))
    credentials.write_text(json.dumps({ACCOUNT: {"public_key": "one", "secret_key": "two"}}))
    running = SandboxProcess(
        "--seed", "9", "--faults", str(faults), "--credentials", str(credentials), "--max-body-bytes", "500"
    )
    client = Client(running.url)
    pair = authorization("one", "two")
    assert client.send("a", authorization=pair).status_code == 503
    assert client.send("a", authorization=pair).status_code == 200
    assert client.send("a").status_code == 401
    assert client.post(b" " * 501).status_code == 413
    assert client.ask("faults") == {"seed": 9, "fired": [1]}
    assert running.stop()[0] == 0


def test_the_byte_limit_of_the_audience_api_can_be_given_at_the_start() -> None:
    running = SandboxProcess("--max-audience-body-bytes", "200")
    client = Client(running.url)
    body = encode(audience.import_of())
    assert audience.post(client, body.ljust(200)).status_code == 201
    assert audience.post(client, body.ljust(201)).status_code == 413
    assert running.stop()[0] == 0


@pytest.mark.parametrize("option", ["--faults", "--credentials"])
@pytest.mark.parametrize("text", ["{", '[{"status": 1}]', None])
def test_a_file_that_cannot_be_used_is_wrong_usage(tmp_path: Path, option: str, text: str | None) -> None:
    path = tmp_path / "file.json"
    if text is not None:
        path.write_text(text)
    ended = run_to_its_end(option, str(path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_cannot_be_is_wrong_usage(port: str) -> None:
    ended = run_to_its_end("--port", port)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


def test_it_shares_no_code_with_the_rest_of_the_project() -> None:
    for path in Path(worker.sandbox.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not any(name.name.split(".")[0] in ("worker", "producers") for name in node.names)
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").split(".")[0] not in ("worker", "producers")
                assert node.level <= 1
