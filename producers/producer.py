"""What a shop's code calls: checks an event, makes its id and time once, and hands it to Redis in one round trip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from producers.append import APPEND, Append, Entry, append_call, entry
from producers.clock import now_ms
from producers.connection import Connection
from producers.destinations import DESTINATIONS, Destination, Prepared, destination_named
from producers.effects import effect
from producers.errors import EnqueueFailed, Fault, InvalidEvent
from producers.keys import Slot, agreement_key, disagreement, shard_of, terms
from producers.lines import Line
from producers.settings import BatchSettings, BufferSettings, batch_settings, buffer_settings

CHUNK_EVENTS = 500
CHUNK_BYTES = 1_000_000


class Result(NamedTuple):
    """What became of one event of `enqueue_many`: its id, or why it was not accepted."""

    id: str
    error: InvalidEvent | EnqueueFailed | None = None


class Producer:
    """Enqueues single events. Safe to share between threads; connects at the first event, not before."""

    def __init__(
        self, buffer: BufferSettings, batches: Mapping[str, BatchSettings], connection: Connection | None = None
    ) -> None:
        self._buffer = buffer
        self._batches = batches
        self._agreed = ""
        self._connection = connection or Connection(buffer.redis_url, budget_s=buffer.enqueue_budget_ms / 1000)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Producer:
        """From the variables of the README. Raises `ConfigurationError` that names the one at fault."""
        batches = {
            name: batch_settings(environ, name, max_events=to.max_events, max_bytes=to.max_bytes)
            for name, to in DESTINATIONS.items()
        }
        return cls(buffer_settings(environ), batches)

    def enqueue(self, destination: str, *, account: str, event: Mapping[str, Any], id: str | None = None) -> str:  # noqa: A002 - the contract's word
        """Accepts one event, spelled as Rokt's document does, and gives its id.

        Raises `InvalidEvent` (every fault, by field; nothing was enqueued) or `EnqueueFailed` (with the id, and
        whether the event may have been accepted after all).
        """
        return self.enqueue_line(Line(destination=destination, account=account, event=event, id=id))

    def enqueue_line(self, line: Line) -> str:
        """The same for a line of `forwarder enqueue`."""
        to, prepared, made = self._prepare(line)
        self._append(to, line.account, [made], prepared.id)
        return prepared.id

    def enqueue_many(self, lines: Iterable[Line | Mapping[str, Any]]) -> list[Result]:
        """Accepts many events, in as few round trips as their sizes allow; one result an event, in the same order.

        An event that is not valid is reported and the others go on. Once Redis fails, the rest is not tried.
        """
        results: list[Result] = []
        chunks: dict[tuple[str, int], _Chunk] = {}
        failed: EnqueueFailed | None = None
        for line in lines:
            index = len(results)
            try:
                to, prepared, made = self._prepare(Line.of(line))
            except InvalidEvent as error:
                results.append(Result("", error))
                continue
            results.append(Result(prepared.id))
            key = (to.name, shard_of(made.account, self._buffer.shards))
            chunk = chunks.setdefault(key, _Chunk(to))
            chunk.add(index, made)
            if chunk.full:
                failed = self._send(chunks.pop(key), results, failed)
        for chunk in chunks.values():
            failed = self._send(chunk, results, failed)
        return results

    def check(self, line: Line | Mapping[str, Any]) -> str:
        """Checks an event as `enqueue` would, without sending it; gives the id it has or would be given."""
        return self._prepare(Line.of(line))[1].id

    def close(self) -> None:
        self._connection.close()

    def _prepare(self, line: Line) -> tuple[Destination, Prepared, Entry]:
        to = destination_named(line.destination)
        now = now_ms()
        prepared = to.prepare(line.account, line.event, line.id, now)
        made = entry(line.account, prepared, now)
        most = self._batches[to.name].max_bytes
        size = made.size - 1 + to.envelope_bytes(line.account, prepared.order, prepared.kind)
        if size > most:
            raise InvalidEvent([Fault("event", f"makes a request of {size} bytes alone; at most {most} are allowed")])
        return to, prepared, made

    def _send(self, chunk: _Chunk, results: list[Result], failed: EnqueueFailed | None) -> EnqueueFailed | None:
        """Appends a chunk and notes its failure with each of its events, unless Redis failed before."""
        if failed is None:
            try:
                self._append(chunk.to, chunk.entries[0].account, chunk.entries, "")
                return None
            except EnqueueFailed as error:
                failed = error
                maybe = error.maybe_accepted
        else:
            maybe = False
        for index in chunk.indexes:
            event_id = results[index].id
            results[index] = Result(event_id, EnqueueFailed(failed.reason, id=event_id, maybe_accepted=maybe))
        return failed

    def _agree(self, event_id: str, deadline: float) -> None:
        """Once a process: whether the others write the same layout, over as many shards."""
        ours = terms(self._buffer.shards)
        if self._agreed != ours:
            with effect("agree"):
                noted = self._connection.agree(agreement_key(self._buffer.key_prefix), ours, event_id, deadline)
            if noted != ours:
                raise EnqueueFailed(disagreement(noted, self._buffer.shards), id=event_id, maybe_accepted=False)
            self._agreed = ours

    def _append(self, to: Destination, account: str, entries: Sequence[Entry], event_id: str) -> None:
        deadline = self._connection.deadline()
        self._agree(event_id, deadline)
        shard = shard_of(account, self._buffer.shards)
        slot = Slot(self._buffer.key_prefix, to.name, shard)
        call: Append = append_call(slot, self._buffer, to, self._batches[to.name], entries)
        with effect("append"):
            self._connection.run(APPEND, call.command, event_id, deadline)


class _Chunk:
    """Events of one slot that travel in one call."""

    def __init__(self, to: Destination) -> None:
        self.to = to
        self.indexes: list[int] = []
        self.entries: list[Entry] = []
        self._bytes = 0

    def add(self, index: int, made: Entry) -> None:
        self.indexes.append(index)
        self.entries.append(made)
        self._bytes += made.size

    @property
    def full(self) -> bool:
        return len(self.entries) >= CHUNK_EVENTS or self._bytes >= CHUNK_BYTES
