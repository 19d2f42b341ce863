"""The producer's door to Redis: one script call within a budget of time, honest about whether it may have arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from redis.exceptions import (
    AuthorizationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeout

from producers.connection.deadline_socket import BudgetSpent
from producers.connection.link import Link
from producers.connection.pool import Pool, Unreachable
from producers.connection.shared_pools import shared_pool
from producers.errors import EnqueueFailed
from producers.scripts import Script

DEFAULT_BUDGET_S = 0.1
WAITING = 0.93  # the share of a budget that Redis has; the rest is for waking up, and for what is done then
_REFUSALS = (BusyLoadingError, AuthorizationError)  # Redis's own word, as is ResponseError: nothing was changed


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

    def run(
        self, script: Script, command: Sequence[str | bytes | int], event_id: str, deadline: float | None = None
    ) -> Any:
        """The script's answer. Raises `EnqueueFailed` for `event_id`, by the deadline, if there is none."""
        return self._asked(lambda link: _evaluate(link, script, command), event_id, deadline, unsure=True)

    def agree(self, key: str, terms: str, event_id: str, deadline: float | None = None) -> str:
        """The terms that all producers and workers keep to: those noted under `key`, or these, noted now."""
        answer = self._asked(lambda link: link.ask("SET", key, terms, "NX", "GET"), event_id, deadline, unsure=False)
        return terms if answer is None else bytes(answer).decode()

    def close(self) -> None:
        """The connections go with the last of those that share them."""
        if not self._closed:
            self._closed = True
            self._shared.left()

    def _asked(self, question: Callable[[Link], Any], event_id: str, deadline: float | None, *, unsure: bool) -> Any:
        """`unsure`: whether a lost answer leaves it open if the event was accepted."""
        pool = self._shared.pool()
        try:
            link = pool.take(self.deadline() if deadline is None else deadline)
        except Unreachable as error:
            raise EnqueueFailed(str(error), id=event_id, maybe_accepted=False) from None
        try:
            answer = question(link)
        except (RedisError, OSError) as error:
            reason = self._reason(pool, link, error)
            raise EnqueueFailed(reason, id=event_id, maybe_accepted=unsure and link.unanswered) from error
        except BaseException:
            pool.drop(link)  # its answer is still under way; nobody else may read it
            raise
        pool.give_back(link)
        return answer

    def _reason(self, pool: Pool, link: Link, error: Exception) -> str:
        """What is to be told. A connection is dropped unless its Redis only refused what it was asked."""
        if isinstance(error, ReadOnlyError):  # a failover: the next connection is to the new primary
            pool.drop(link)
            pool.drop_idle()
            return _REPLICA
        if isinstance(error, ResponseError):
            pool.give_back(link)
            return _readable(error)
        pool.drop(link)
        if isinstance(error, _REFUSALS):
            link.unanswered = False
            return _readable(error)
        if not isinstance(error, (RedisTimeout, TimeoutError)):
            return f"{_silence(link)}: {error}"
        if isinstance(error, BudgetSpent):
            return f"the budget of {self._budget_s * 1000:.0f} ms was over before anything could be sent"
        pool.suspect()
        return f"{_silence(link)} within {self._budget_s * 1000:.0f} ms"


def _evaluate(link: Link, script: Script, command: Sequence[str | bytes | int]) -> Any:
    try:
        return link.ask("EVALSHA", script.sha, *command)
    except NoScriptError:
        return link.ask("EVAL", script.text, *command)


def _silence(link: Link) -> str:
    return "no answer from Redis" if link.unanswered else "Redis did not take the whole request"


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
