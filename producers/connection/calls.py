"""The producer's door to Redis: one script call within a budget of time, honest about whether it may have arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from time import monotonic
from typing import Any

from redis.exceptions import (
    AuthorizationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeout

from producers.connection.deadline_socket import BudgetSpent
from producers.connection.link import Link, Silence
from producers.connection.pool import Pool, Unreachable
from producers.connection.resp import Command, Word
from producers.connection.shared_pools import shared_pool
from producers.errors import EnqueueFailed
from producers.scripts import Script

DEFAULT_BUDGET_S = 0.1
WAITING = 0.93  # the share of a budget that Redis has; the rest is for waking up, and for what is done then
_REFUSALS = (BusyLoadingError, AuthorizationError)  # Redis's own word, as is ResponseError: nothing was changed
_Exchanged = tuple[list[Any], Exception | None]  # see Link.exchange


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
        return self._asked(lambda link: _evaluated(link, script, commands), len(commands), event_id, deadline)

    def agree(self, key: str, terms: str, event_id: str, deadline: float | None = None) -> str:
        """The terms that all producers and workers keep to: those noted under `key`, or these, noted now."""
        answers = self._asked(
            lambda link: link.ask("SET", key, terms, "NX", "GET"), 1, event_id, deadline, unsure=False
        )
        answer = _only(answers)
        return terms if answer is None else bytes(answer).decode()

    def close(self) -> None:
        """The connections go with the last of those that share them."""
        if not self._closed:
            self._closed = True
            self._shared.left()

    def _asked(
        self,
        question: Callable[[Link], _Exchanged],
        count: int,
        event_id: str,
        deadline: float | None,
        *,
        unsure: bool = True,
    ) -> list[Any]:
        """`count` answers. `unsure`: whether a lost one leaves it open if the event was accepted."""
        pool = self._shared.pool()
        try:
            link = pool.take(self.deadline() if deadline is None else deadline)
        except Unreachable as error:
            return [EnqueueFailed(str(error), id=event_id, maybe_accepted=False) for _ in range(count)]
        try:
            answers, broken = question(link)
        except BaseException:
            pool.drop(link)  # its answer is still under way; nobody else may read it
            raise
        if broken is None and not any(isinstance(each, Exception) for each in answers):
            pool.give_back(link)
            return answers
        _put_away(pool, link, answers, broken)
        return [self._told(each, broken, event_id, unsure=unsure) for each in answers]

    def _told(self, answer: Any, broken: Exception | None, event_id: str, *, unsure: bool) -> Any:
        """An answer, or why there is none."""
        if isinstance(answer, Silence):
            maybe = unsure and answer is Silence.SENT
            failed = EnqueueFailed(self._silence(answer, broken), id=event_id, maybe_accepted=maybe)
        elif isinstance(answer, Exception):
            reason = _REPLICA if isinstance(answer, ReadOnlyError) else _readable(answer)
            failed, broken = EnqueueFailed(reason, id=event_id, maybe_accepted=False), answer
        else:
            return answer
        failed.__cause__ = broken
        return failed

    def _silence(self, silence: Silence, broken: Exception | None) -> str:
        if isinstance(broken, BudgetSpent):
            return f"the budget of {self._budget_s * 1000:.0f} ms was over before anything could be sent"
        said = "no answer from Redis" if silence is Silence.SENT else "Redis did not take the whole request"
        if _is_late(broken):
            return f"{said} within {self._budget_s * 1000:.0f} ms"
        return f"{said}: {broken}"


def _put_away(pool: Pool, link: Link, answers: Sequence[Any], broken: Exception | None) -> None:
    """A connection is dropped unless its Redis only refused what it was asked."""
    refused = [each for each in answers if isinstance(each, Exception)]
    moved = any(isinstance(each, ReadOnlyError) for each in refused)  # a failover: the next one is to the new primary
    if broken is None and not moved and all(isinstance(each, ResponseError) for each in refused):
        pool.give_back(link)
        return
    pool.drop(link)
    if moved:
        pool.drop_idle()
    elif _is_late(broken) and not isinstance(broken, BudgetSpent):
        pool.suspect()


def _is_late(broken: Exception | None) -> bool:
    return isinstance(broken, (RedisTimeout, TimeoutError))


def _only(answers: Sequence[Any]) -> Any:
    (answer,) = answers
    if isinstance(answer, EnqueueFailed):
        raise answer
    return answer


def _evaluated(link: Link, script: Script, commands: Sequence[Command]) -> _Exchanged:
    by_name = [each.after(_name_of(script)) for each in commands]
    answers, broken = link.exchange(by_name)
    unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if not unknown or broken is not None:
        return answers, broken
    first = commands[unknown[0]].after(_text_of(script))  # from then on Redis knows its name
    again, broken = link.exchange([first, *[by_name[place] for place in unknown[1:]]])
    for place, answer in zip(unknown, again, strict=True):
        answers[place] = answer
    return answers, broken


@cache
def _name_of(script: Script) -> Command:
    return Command.of(["EVALSHA", script.sha])


def _text_of(script: Script) -> Command:
    return Command.of(["EVAL", script.text])


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
