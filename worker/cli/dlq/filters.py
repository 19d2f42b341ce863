"""The options by which commands choose dead letters: one set for all of them, which a decorator adds to a command.

@filtered                       a command over all letters, unless it is told less
def list_letters(chosen: Filter, …): …

@filtered(named=True)           takes ids and --all too, and refuses to choose all letters unless told so
def replay(chosen: Filter, …): …
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, overload

import typer

from producers.clock import now_ms
from worker.cli.context import DestinationOption, known
from worker.dead_letters import Filter
from worker.dead_letters.asked import duration, moment
from worker.intake.letters import NAME as INTAKE

AccountOption = Annotated[str | None, typer.Option("--account", "-a", help="Only this account.")]
CodeOption = Annotated[str | None, typer.Option("--code", "-c", help="Only letters whose first code is this.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every letter that the filters take.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The events' ids.")]
SinceOption = Annotated[str | None, typer.Option(help="Died at that time or later: RFC 3339, or an age (12h).")]
UntilOption = Annotated[str | None, typer.Option(help="Died before that time: RFC 3339, or an age (12h).")]
AgeOption = Annotated[str | None, typer.Option(help="Died longer ago than this: 90m, 12h, 3d.")]
ExpiresOption = Annotated[str | None, typer.Option(help="Still accepted, but not for longer than this: 12h.")]
ExpiredOption = Annotated[bool, typer.Option("--expired", help="Not accepted any more: too old.")]
TextOption = Annotated[str | None, typer.Option(help="Stands in the event, its id or its reasons. Reads all letters.")]
AttemptsOption = Annotated[int | None, typer.Option(min=0, help="Tried so often, or more. Reads all letters.")]

Command = Callable[..., Any]


@overload
def filtered(command: Command) -> Command: ...
@overload
def filtered(*, named: bool) -> Callable[[Command], Command]: ...
def filtered(command: Command | None = None, *, named: bool = False) -> Command | Callable[[Command], Command]:
    """A command whose parameter `chosen` becomes the options of a filter; see the head of this module."""
    return _filtered(command, named) if command else lambda given: _filtered(given, named)


def _filtered(command: Command, named: bool) -> Command:
    choose: Callable[..., Filter] = _named if named else chosen_by
    options = {**(_options(_named) if named else {}), **_options(chosen_by)}
    own = {name: each for name, each in _options(command).items() if name != "chosen"}

    @wraps(command)
    def run(**given: Any) -> Any:
        chosen = choose(**{name: given.pop(name) for name in options})
        return command(chosen=chosen, **given)

    both = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (options | own).values()]
    run.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in both}
    return run


def _options(command: Command) -> dict[str, inspect.Parameter]:
    """Its parameters, but for those that stand for any."""
    given = inspect.signature(command, eval_str=True).parameters
    return {name: each for name, each in given.items() if each.kind is not inspect.Parameter.VAR_KEYWORD}


def _named(ids: IdsArgument = None, everything: AllOption = False, **filters: Any) -> Filter:
    """Raises wrong usage where nothing is chosen and nobody says --all."""
    chosen = chosen_by(**filters)._replace(ids=tuple(ids or ()))
    if chosen == Filter() and not everything:
        raise typer.BadParameter("name ids or a filter, or say --all")
    return chosen


def chosen_by(
    destination: DestinationOption = None,
    account: AccountOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    age: AgeOption = None,
    expires_within: ExpiresOption = None,
    expired: ExpiredOption = False,
    text: TextOption = None,
    attempts: AttemptsOption = None,
) -> Filter:
    """The filter that these options make. Raises wrong usage that names the option."""
    now = now_ms()
    if expired and expires_within is not None:
        raise typer.BadParameter("does not go with --expires-within", param_hint="--expired")
    first, last = _moment(since, now, "--since"), _moment(until, now, "--until")
    if age is not None:
        last = min(now - _duration(age, "--age"), now if last is None else last)
    if first is not None and last is not None and first >= last:
        raise typer.BadParameter("begins when the time is over: see --until and --age", param_hint="--since")
    if text == "":
        raise typer.BadParameter("is empty", param_hint="--text")
    within = None if expires_within is None else now + _duration(expires_within, "--expires-within")
    return Filter(
        destination=queue(destination),
        account=account,
        code=code,
        since=first,
        until=last,
        expires_before=now if expired else within,
        expires_after=None if within is None else now,
        text=text,
        attempts=attempts,
    )


def queue(name: str | None) -> str | None:
    """A dead-letter queue: one a destination, and one for the intake."""
    return name if name == INTAKE else known(name)


def _moment(text: str | None, now: int, option: str) -> int | None:
    try:
        return None if text is None else moment(text, now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _duration(text: str, option: str) -> int:
    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
