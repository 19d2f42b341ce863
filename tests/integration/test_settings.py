"""A setting or a server that cannot be used is told by name, in one line, before any harm is done."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support import Cli, Ended, as_lines, environment, sample
from worker.stack import parts
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis

COMMANDS = (
    ["enqueue", "-"],
    ["status"],
    ["drain", "--timeout", "0"],
    ["health"],
    ["dlq", "list"],
    ["dlq", "stats"],
    ["dlq", "show", "an-id"],
    ["dlq", "replay", "--all", "--yes"],
    ["dlq", "discard", "an-id", "--yes"],
)
RUBBISH = ("rubbish", "http://127.0.0.1:6379", "redis://127.0.0.1:port/0", "redis://:hidden@127.0.0.1:99999999/0")


def run(cli: Cli, command: list[str], **variables: str) -> Ended:
    """With one good event on standard input, for `enqueue`."""
    return Cli({**cli.env, **variables}, cli.folder).run(*command, given=as_lines([sample("91001", 1)]))


def one_line(ended: Ended, *words: str) -> None:
    assert "Traceback" not in ended.err, ended.err[-600:]
    assert ended.err.count("\n") == 1, ended.err
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_redis_every_command_says_so_in_one_line_within_two_seconds(cli: Cli, command: list[str]) -> None:
    for _ in range(3):  # a busy machine is given another chance
        started = time.monotonic()
        ended = run(cli, command, FORWARDER_REDIS_URL=f"redis://:hidden@127.0.0.1:{free_port()}/0")
        seconds = time.monotonic() - started
        assert ended.status == 1
        one_line(ended, "Redis")
        assert "hidden" not in ended.err
        if seconds < 2:
            return
    pytest.fail(f"it took {seconds:.1f} s")


@pytest.mark.parametrize("command", [each for each in COMMANDS if "--yes" not in each], ids=" ".join)
def test_an_address_that_is_no_redis_url_is_named(cli: Cli, command: list[str]) -> None:
    ended = run(cli, command, FORWARDER_REDIS_URL="rubbish")
    assert ended.status == 2
    one_line(ended, "FORWARDER_REDIS_URL", "rubbish")


@pytest.mark.parametrize("url", RUBBISH[1:])
@pytest.mark.parametrize("command", [["enqueue", "-"], ["status"]], ids=" ".join)
def test_a_redis_url_that_is_wrong_in_a_part_is_told_without_its_password(
    cli: Cli, command: list[str], url: str
) -> None:
    ended = run(cli, command, FORWARDER_REDIS_URL=url)
    assert ended.status in (1, 2)
    one_line(ended, "Redis")
    assert "hidden" not in ended.err


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_enqueue_does_not_wait_for_a_redis_that_hangs_and_is_honest_about_it(cli: Cli, silent_server: str) -> None:
    """It hung before an event left, so none was accepted; the line says that and nothing else."""
    ended = run(cli, ["enqueue", "-", "--json"], FORWARDER_REDIS_URL=silent_server)
    assert (ended.status, ended.json["failed"]) == (1, 1)
    one_line(ended, "not accepted")
    assert "may have been" not in ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FORWARDER_LINGER_MS", "soon"),
        ("FORWARDER_EVENT_API_LINGER_MS", "-1"),
        ("FORWARDER_MAX_EVENTS", "101"),
        ("FORWARDER_MAX_BYTES", "1e99"),
        ("FORWARDER_KEY_PREFIX", "a shop"),
        ("FORWARDER_SHARDS", "0"),
    ],
)
def test_a_bad_setting_of_the_producer_is_named(cli: Cli, name: str, value: str) -> None:
    ended = run(cli, ["enqueue", "-"], **{name: value})
    assert ended.status == 2
    one_line(ended, name)


BAD_FOR_A_WORKER = [
    ("FORWARDER_LEASE_S", "5"),  # shorter than the HTTP time-out
    ("FORWARDER_MAX_ATTEMPTS", "many"),
    ("FORWARDER_ENV", "prod"),
    ("FORWARDER_ENV", "production"),  # needs a credentials file
    ("FORWARDER_EVENT_API_URL", "https://api.example.com/v2/events"),
    ("FORWARDER_CREDENTIALS_FILE", "/no/such/file.toml"),
    ("LOG_LEVEL", "LOUD"),
    ("FORWARDER_REDIS_URL", "rubbish"),
]


@pytest.mark.parametrize(("name", "value"), BAD_FOR_A_WORKER)
def test_a_worker_with_a_bad_setting_ends_at_once_and_names_it(
    env: dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    child = parts.worker({**env, name: value}, tmp_path).start()
    try:
        assert child.wait(20) not in (None, 0)
    finally:
        child.kill()
    said = child.log_tail(60)
    assert name in said or (value == "production" and "FORWARDER_CREDENTIALS_FILE" in said)
    assert "Traceback" not in said, said[-800:]


def test_up_names_a_bad_setting(cli: Cli) -> None:
    ended = cli.run("up", FORWARDER_LEASE_S="1", FORWARDER_EVENT_API_URL="http://127.0.0.1:9")
    assert ended.status == 2
    one_line(ended, "FORWARDER_LEASE_S")


@pytest.fixture(scope="module")
def evicting_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    options = {"maxmemory-policy": "allkeys-lru"}
    with EmbeddedRedis(tmp_path_factory.mktemp("evicting"), options=options) as server:
        yield server


def test_a_redis_that_evicts_is_refused_by_up_in_words(evicting_redis: EmbeddedRedis, tmp_path: Path) -> None:
    env = environment(evicting_redis.url, FORWARDER_EVENT_API_URL="http://127.0.0.1:9")
    ended = Cli(env, tmp_path).run("up")
    assert ended.status in (1, 2)
    one_line(ended, "allkeys-lru", "maxmemory-policy noeviction")


def test_a_redis_that_evicts_is_refused_by_a_worker_in_words(evicting_redis: EmbeddedRedis, tmp_path: Path) -> None:
    child = parts.worker(environment(evicting_redis.url), tmp_path, ("-c", "1")).start()
    try:
        assert child.wait(30) not in (None, 0), child.ending()
    finally:
        child.kill()
    assert "maxmemory-policy noeviction" in child.log_tail(60)


def test_a_shops_own_django_settings_do_not_reach_the_worker(cli: Cli) -> None:
    """Celery would look for them, wherever the worker was started."""
    program = [sys.executable, "-P", "-c", "import worker.celery as made; print(made.app.fixups)"]
    env = {**cli.env, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    ended = subprocess.run(program, env=env, cwd=cli.folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr[-600:]
