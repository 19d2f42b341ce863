"""The producer's door to Redis: one script call within a budget of time, honest about whether it may have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from redis.exceptions import ReadOnlyError

from producers.connection.conversation import Conversation, Silence, is_late
from producers.connection.deadline_socket import BudgetSpent
from producers.connection.pool import Unreachable
from producers.connection.resp import Command, Word
from producers.connection.shared_pools import shared_pool
from producers.errors import EnqueueFailed
from producers.scripts import Script

DEFAULT_BUDGET_S = 0.1
WAITING = 0.93  # the share of a budget that Redis has; the rest is for waking up, and for what is done then


class Connection:
    """Connections of the process's pool, made when they are needed. Nothing is retried: the caller is a checkout.

    A call ends at its deadline (monotonic seconds); without one `budget_s` seconds after it began.
    """

    def __init__(self, url: str, *, budget_s: float = DEFAULT_BUDGET_S) -> None:
        self._budget_s = budget_s
        self._shared = shared_pool(url)
        self._shared.joined()
        self._closed = False

    def deadline(self) -> float:
        """Of a call that begins now."""
        return monotonic() + WAITING * self._budget_s

    def run(self, script: Script, command: Sequence[Word], event_id: str, deadline: float | None = None) -> Any:
        """The script's answer. Raises `EnqueueFailed` for `event_id`, by the deadline, if there is none."""
        return _only(self.run_each(script, [Command.of(command)], event_id, deadline))

    def run_each(
        self, script: Script, commands: Sequence[Command], event_id: str, deadline: float | None = None
    ) -> list[Any]:
        """The script's answer to each command, or the `EnqueueFailed`. They leave in one write; none waits for another.

        A command: all words that follow the script's name.
        """
        return self._asked(commands, event_id, deadline, script)

    def agree(self, key: str, terms: str, event_id: str, deadline: float | None = None) -> str:
        """The terms that all producers and workers keep to: those noted under `key`, or these, noted now."""
        answers = self._asked([Command.of(["SET", key, terms, "NX", "GET"])], event_id, deadline, unsure=False)
        answer = _only(answers)
        return terms if answer is None else bytes(answer).decode()

    def conversation(self, deadline: float) -> Conversation:
        """For calls that leave before those ahead of them are answered. Raises `EnqueueFailed` without a connection."""
        pool = self._shared.pool()
        try:
            return Conversation(pool, pool.take(deadline))
        except Unreachable as error:
            raise EnqueueFailed(str(error), id="", maybe_accepted=False) from None

    def conversation_at_once(self) -> Conversation | None:
        """The same, if there is a connection that need not be waited for."""
        pool = self._shared.pool()
        link = pool.take_idle()
        return None if link is None else Conversation(pool, link)

    def told(self, answers: list[Any], broken: Exception | None, event_id: str, *, unsure: bool = True) -> list[Any]:
        """The answers, with `EnqueueFailed` for what is none. `unsure`: a lost one may still have been carried out."""
        return [
            self._failed(each, broken, event_id, unsure=unsure) if isinstance(each, (Silence, Exception)) else each
            for each in answers
        ]

    def close(self) -> None:
        """The connections go with the last of those that share them."""
        if not self._closed:
            self._closed = True
            self._shared.left()

    def _asked(
        self,
        commands: Sequence[Command],
        event_id: str,
        deadline: float | None,
        script: Script | None = None,
        *,
        unsure: bool = True,
    ) -> list[Any]:
        deadline = self.deadline() if deadline is None else deadline
        try:
            held = self.conversation(deadline)
        except EnqueueFailed as error:
            return [EnqueueFailed(error.reason, id=event_id, maybe_accepted=False) for _ in commands]
        try:
            answers = held.answers(held.ask(commands, deadline, script))
        finally:
            held.end()
        return self.told(answers, held.broken, event_id, unsure=unsure)

    def _failed(self, answer: Silence | Exception, broken: Exception | None, event_id: str, *, unsure: bool) -> Any:
        if isinstance(answer, Silence):
            maybe = unsure and answer is Silence.SENT
            failed = EnqueueFailed(self._silence(answer, broken), id=event_id, maybe_accepted=maybe)
        else:
            reason = _REPLICA if isinstance(answer, ReadOnlyError) else _readable(answer)
            failed, broken = EnqueueFailed(reason, id=event_id, maybe_accepted=False), answer
        failed.__cause__ = broken
        return failed

    def _silence(self, silence: Silence, broken: Exception | None) -> str:
        if silence is Silence.UNSENT and (broken is None or isinstance(broken, BudgetSpent)):
            return f"the budget of {self._budget_s * 1000:.0f} ms was over before anything could be sent"
        said = "no answer from Redis" if silence is Silence.SENT else "Redis did not take the whole request"
        if is_late(broken):
            return f"{said} within {self._budget_s * 1000:.0f} ms"
        return f"{said}: {broken}"


def _only(answers: Sequence[Any]) -> Any:
    (answer,) = answers
    if isinstance(answer, EnqueueFailed):
        raise answer
    return answer


def _readable(error: Exception) -> str:
    text = str(error)
    if text.startswith(("OOM", "command not allowed when used memory")):
        return "Redis is out of memory"
    for word, hint in _HINTS.items():
        if text.startswith(word):
            return text.removeprefix(word).strip() + hint
    return f"Redis refused the event: {text}"


_REPLICA = "this Redis is a replica now, after a failover, and takes no events; try again"
_HINTS = {
    "LAYOUT": "; this version of the producer writes another: run the version that fits",
    "FULL": "; the buffer takes more when some of it was delivered",
    "SHARDS": "; FORWARDER_SHARDS must say the same everywhere",
}
