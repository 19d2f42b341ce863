"""Every command of the runbook is run in the situation that its heading names, and answers what stands behind it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from tests.integration.support import Cli, Forwarder, eventually, running
from worker.stack.redis_server import EmbeddedRedis

PAGE = Path(__file__).parents[2] / "ops" / "docs" / "runbook" / "README.md"
SECTION = re.compile(r"^#+ (.+?)$\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ACCOUNT, EVENT, EMAIL = "12345", "order-4711", "jane@example.com"
KEYS = {"public_key": "rpub-runbook", "secret_key": "rsec-runbook"}


Situation = Callable[[Forwarder, str], None]


class Step(NamedTuple):
    """A command, and a word of its answer."""

    command: str
    word: str


def entries() -> dict[str, list[Step]]:
    """Heading -> what is to be typed."""
    return {
        heading: [_step(line) for block in BLOCK.findall(text) for line in block.splitlines() if line.strip()]
        for heading, text in SECTION.findall(PAGE.read_text("utf-8"))
    }


def _step(line: str) -> Step:
    command, arrow, word = line.partition("# → ")
    assert arrow, f"no word of the answer: {line}"
    return Step(command.strip(), word.strip())


@pytest.fixture(scope="module")
def stack(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    folder = tmp_path_factory.mktemp("runbook")
    keys = "".join(f'{name} = "{value}"\n' for name, value in KEYS.items())
    (folder / "rokt.toml").write_text(f"[accounts.{ACCOUNT}]\n{keys}")
    settings = {
        "FORWARDER_CREDENTIALS_FILE": str(folder / "rokt.toml"),
        "FORWARDER_SPOOL_DIR": str(folder / "spool"),
        "FORWARDER_DUPLICATES_WINDOW_S": "60",
        "COLUMNS": "200",
    }
    with running(redis_server.url, folder, **settings) as started:
        env = {**started.cli.env, "FORWARDER_SANDBOX_URL": started.sandbox.url}
        yield started._replace(cli=Cli(env, started.cli.folder))


def told_apart() -> Callable[[], str]:
    """Ids like that of the page, a new one for each situation: one that is known would be a duplicate."""
    numbers = count()
    return lambda: f"{EVENT}-{next(numbers)}"


new_id = told_apart()


def enqueued(stack: Forwarder, event: str, currency: str = "USD") -> None:
    fields = {"email": EMAIL, "amount": "1", "currency": currency}
    data = [{"name": name, "value": value} for name, value in fields.items()]
    sent = {"eventType": "conversion", "objectData": data}
    stack.cli.enqueue([{"destination": "event-api", "account": ACCOUNT, "id": event, "event": sent}])


def a_dead_letter(stack: Forwarder, event: str) -> None:
    refused = {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "code": "ValidationError"}
    stack.sandbox.faults(refused)
    enqueued(stack, event, "XXX")
    eventually(lambda: [letter for letter in stack.cli.letters() if letter["id"] == event])


def refused_keys(stack: Forwarder, event: str) -> None:
    stack.sandbox.credentials({"1": {"public_key": "rpub-1", "secret_key": "rsec-1"}})
    enqueued(stack, event)
    eventually(lambda: "parked" in stack.cli.done("status").out)
    stack.sandbox.credentials(None)


def more_to_deliver(stack: Forwarder, event: str) -> None:
    enqueued(stack, event)


def nothing_special(_: Forwarder, __: str) -> None:
    """The heading's situation is brought about by its own commands, or looks like any other."""


SITUATIONS: dict[str, Situation] = {
    "Dead letters grow with `ValidationError`": a_dead_letter,
    "Dead letters grow with `UnauthorizedError`": refused_keys,
    "Redis is full": a_dead_letter,
    "The checkout logs": a_dead_letter,
    "Nothing is delivered": more_to_deliver,
    "We rotated": more_to_deliver,
    "Redis was restored": more_to_deliver,
    "An event is missing": a_dead_letter,
    "A person": a_dead_letter,
}


def situation_of(heading: str) -> Situation:
    return next((made for start, made in SITUATIONS.items() if heading.startswith(start)), nothing_special)


def test_every_situation_is_one_of_the_page() -> None:
    assert not [start for start in SITUATIONS if not any(heading.startswith(start) for heading in entries())]
    assert all(entries().values()), "each entry ends with commands"
    assert len(entries()) >= 13


@pytest.mark.parametrize("heading", entries())
def test_what_it_says_can_be_typed_and_helps(stack: Forwarder, redis_server: EmbeddedRedis, heading: str) -> None:
    event = new_id()
    situation_of(heading)(stack, event)
    for command, word in entries()[heading]:
        answer = answered(stack, redis_server, shlex.split(command.replace(EVENT, event)))
        assert word.replace(EVENT, event) in answer, f"{command}: {answer}"


def answered(stack: Forwarder, redis_server: EmbeddedRedis, words: list[str]) -> str:
    """What a command says; it must succeed. `redis-cli` is not on every machine, so its words go there directly."""
    program, *arguments = words
    if program == "redis-cli":
        with Redis(port=redis_server.port, decode_responses=True) as redis:
            before = redis.config_get("maxmemory")["maxmemory"]
            told = redis.execute_command(*arguments)
            redis.config_set("maxmemory", before)
            return "OK" if told is True else str(told)
    assert program == "forwarder", "only what can be tried stands in the runbook"
    ended = stack.cli.run(*arguments)
    assert ended.status == 0, f"{arguments}: {ended.err}"
    return ended.out + ended.err
