"""`forwarder demo`: the main job on sample events, on parts of its own, with a summary a person can read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from producers import InvalidEvent, Producer
from producers.settings import BufferSettings, buffer_settings
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import DeadLetters, Filter
from worker.demo.samples import CREDENTIALS, LISTED, REFUSED_CURRENCY, Samples, samples
from worker.demo.sandbox_control import SandboxControl
from worker.demo.summary import balances, dead_by_reason, summary
from worker.http import HttpTransport
from worker.operating.ledger_table import table
from worker.operating.status import left, status
from worker.query.client import QueryClient
from worker.query.model import Account
from worker.query.surroundings import Surroundings, surroundings
from worker.query.tables import accounts_table
from worker.settings import caps_of
from worker.stack import parts
from worker.stack.processes import Stack
from worker.stack.redis_server import EmbeddedRedis

MOST_S = 120.0
Counts = dict[str, Any]


def run(events: int, environ: Mapping[str, str], out: Console, err: Console) -> int:
    """Exit status: 0 if every event is where it belongs, 1 if not."""
    with TemporaryDirectory(prefix="forwarder-demo-") as folder, Stack() as stack:
        out.print("Starting an embedded Redis, a stand-in for Rokt and a worker …")
        env, sandbox = _start(stack, environ, Path(folder))
        return 0 if _show(samples(events), env, sandbox, out, err) else 1


def _start(stack: Stack, environ: Mapping[str, str], folder: Path) -> tuple[dict[str, str], SandboxControl]:
    redis = stack.start(EmbeddedRedis(folder / "redis"))
    env = parts.clean(environ, FORWARDER_REDIS_URL=redis.url, FORWARDER_LINGER_MS="300", LOG_LEVEL="INFO")
    sandbox = SandboxControl(parts.sandbox_url(stack.start(parts.sandbox(env, folder))))
    sandbox.refuse({"objectData.currency": REFUSED_CURRENCY}, "ValidationError", "currency is not known")
    env["FORWARDER_SANDBOX_URL"] = sandbox.url
    env["FORWARDER_CREDENTIALS_FILE"] = str(folder / "credentials.toml")
    (folder / "credentials.toml").write_text(CREDENTIALS, "utf-8")
    worker = stack.start(parts.worker(env, folder))
    parts.wait_for_worker(sync_redis(redis.url), buffer_settings(env).key_prefix, worker)
    return env, sandbox


def _show(given: Samples, env: Mapping[str, str], sandbox: SandboxControl, out: Console, err: Console) -> bool:
    buffer = buffer_settings(env)
    began = time.monotonic()
    refused = _enqueue(given, env, out)
    first = _delivered(buffer, len(given.lines) - len(refused), err)
    seconds = time.monotonic() - began
    out.print(table(first))
    out.print(dead_by_reason(_letters(env, lambda queues: queues.counts())))
    out.print(summary(first, {name: sandbox.requests(name) for name in first}, len(refused), seconds))
    out.print("\nOne dead letter in full:")
    letter = _letters(env, _one)
    out.print_json(data=letter)
    out.print("\nThe cause is mended (Rokt now knows the currency); all dead letters are replayed:")
    sandbox.accept_everything()
    replayed = _letters(env, _replay)
    last = _delivered(buffer, replayed, err)
    out.print(f"{replayed} replayed with their first ids and times")
    out.print(table(last))
    out.print(accounts_table(_accounts(env)))
    return _verdict(given, len(refused), first, last, sandbox, out)


def _enqueue(given: Samples, env: Mapping[str, str], out: Console) -> list[InvalidEvent]:
    producer = Producer.patient(env)
    results = producer.enqueue_many(given.lines)
    producer.close()
    refused = [result.error for result in results if isinstance(result.error, InvalidEvent)]
    out.print(f"{len(results) - len(refused)} events enqueued; the producer refused:")
    for error in refused:
        out.print(f"  {error}", markup=False, highlight=False)
    return refused


def _delivered(buffer: BufferSettings, expected: int, err: Console) -> dict[str, Counts]:
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: _watched(redis, buffer, expected, err)))


async def _watched(redis: Any, buffer: BufferSettings, expected: int, err: Console) -> dict[str, Counts]:
    """Waits until nothing is left to deliver, with a progress bar."""
    columns = (TextColumn("delivering"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    ends = time.monotonic() + MOST_S
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        bar = progress.add_task("", total=expected)
        while True:
            counts = await status(redis, buffer)
            remaining = sum(left(each) for each in counts.values())
            progress.update(bar, completed=expected - remaining)
            if not remaining or time.monotonic() > ends:
                return counts
            await asyncio.sleep(0.05)


def _letters(env: Mapping[str, str], work: Callable[[DeadLetters], Any]) -> Any:
    buffer = buffer_settings(env)
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(DeadLetters(redis, buffer, caps_of(env)))))


async def _one(queues: DeadLetters) -> Any:
    async for letter in queues.find(Filter()):
        return letter.shown()
    return None


async def _replay(queues: DeadLetters) -> int:
    return (await queues.replay(await queues.choose(Filter()))).moved


def _accounts(env: Mapping[str, str]) -> list[Account]:
    """What the Query API reads back, with a person's credentials."""
    return asyncio.run(_asked(surroundings(env)))


async def _asked(where: Surroundings) -> list[Account]:
    transport = HttpTransport(1, where.http_transport)
    try:
        return await QueryClient(transport, where.host, where.auth_host, where.access, where.timeout_s).accounts()
    finally:
        await transport.close()


def _verdict(
    given: Samples,
    refused: int,
    first: dict[str, Counts],
    last: dict[str, Counts],
    sandbox: SandboxControl,
    out: Console,
) -> bool:
    """Whether every event is where it belongs, by our ledger and by Rokt's count."""
    counts = {name: sandbox.events(name) for name in ("event-api", "server-events")}
    right = (
        refused == given.for_the_producer
        and first["event-api"]["dead"] == given.for_rokt
        and all(balances(each) and each["delivered"] == each["accepted"] for each in last.values())
        and all(got["accepted"] == got["distinct"] == last[name]["accepted"] for name, got in counts.items())
        and sandbox.members(LISTED) == {"US_Customers": 300, "AdvertiserDatabase": 250}
    )
    words = "Every ledger balances, and the sandbox has each event exactly once." if right else "Something is missing."
    out.print(f"\n{words}")
    return bool(right)
