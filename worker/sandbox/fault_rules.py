"""Fault rules as JSON: reads a list of them, or tells every fault of the list by rule number, field and reason.

A rule is an object of one action, its options, and, all optional, when it fires:

    "status": 200-599   answer with it; options "code", "message", "retry_after" (seconds or a date), "body" (raw text)
    "refuse": true      matching records are not processed; options "code" and "message", or "errors" (a list of objects
                        of both), and "rewrite" (true or fields)
    "miscount": N       tell a count of processed records that is wrong by N; goes together with other actions
    "delay": seconds    take the request in, answer so much later (up to an hour); goes together with other actions
    "hang": true        never answer
    "close": "before" | "after"     abort the connection before or after the request was taken in
    "match": {"path", "account", "event": {"eventType", "objectData.NAME", "email", …: value or {"contains": text}}}
    "probability": 0-1, "times": at most so often
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

from . import fault_fields as fields
from .api import Error, Json, Record
from .faults import Action, Close, Containing, Delay, Hang, Match, Miscount, Refuse, Rule, Status, Wanted

_COMMON = {"match", "probability", "times"}
_OPTIONS = {
    "status": {"code", "message", "retry_after", "body"},
    "refuse": {"code", "message", "errors", "rewrite"},
    "miscount": set[str](),
    "delay": set[str](),
    "hang": set[str](),
    "close": set[str](),
}

_T = TypeVar("_T")
_D = TypeVar("_D")
_Reader: TypeAlias = Callable[[Json], _T]


class RuleFault(NamedTuple):
    """One fault: the rule's number in the list, from 1 (0: the list itself), the field in it, and what is wrong."""

    rule: int
    field: str
    fault: str


class InvalidRules(ValueError):
    """A list of rules cannot be used; `faults` has one `RuleFault` for every rule that is wrong."""

    def __init__(self, faults: list[RuleFault]) -> None:
        super().__init__("; ".join(f"rule {rule}: {field}: {fault}" for rule, field, fault in faults))
        self.faults = faults


class _Wrong(ValueError):
    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")
        self.field, self.fault = field, fault


def read_rules(value: Json) -> list[Rule]:
    """Read a JSON list of rules; raises `InvalidRules`."""
    if not isinstance(value, list):
        raise InvalidRules([RuleFault(0, "", "must be a list of rules")])
    rules: list[Rule] = []
    faults: list[RuleFault] = []
    for number, item in enumerate(value, start=1):
        try:
            rules.append(_rule(item))
        except _Wrong as wrong:
            faults.append(RuleFault(number, wrong.field, wrong.fault))
    if faults:
        raise InvalidRules(faults)
    return rules


def _rule(item: Json) -> Rule:
    rule = _object("", item)
    kind = _kind(rule)
    _only(rule, "", {kind} | _COMMON | _OPTIONS[kind])
    return Rule(
        action=_ACTIONS[kind](rule),
        match=_match(_object("match", rule.get("match", {}))),
        probability=_optional(rule, "probability", fields.probability, 1.0),
        times=_optional(rule, "times", fields.times, None),
    )


def _kind(rule: Record) -> str:
    kinds = [kind for kind in _OPTIONS if kind in rule]
    if len(kinds) != 1:
        raise _Wrong(" | ".join(kinds or _OPTIONS), "must be there, and only one of them")
    return kinds[0]


def _match(match: Record) -> Match:
    _only(match, "match.", {"path", "account", "event"})
    event = {name: _wanted(name, value) for name, value in _object("match.event", match.get("event", {})).items()}
    path = _optional(match, "path", fields.text, None, "match.")
    return Match(path, _optional(match, "account", fields.text, None, "match."), event)


def _wanted(name: str, value: Json) -> Wanted:
    if isinstance(value, dict) and value.keys() == {"contains"}:
        return Containing(_read(value, "contains", fields.some_text, f"match.event.{name}."))
    if isinstance(value, list | dict):
        raise _Wrong(f"match.event.{name}", 'must be a string, number, boolean, null or {"contains": text}')
    return value


def _status(rule: Record) -> Status:
    status = _read(rule, "status", fields.status_number)
    body = _optional(rule, "body", fields.text, None)
    if status < 300 and body is None:
        raise _Wrong("body", "is required with a status below 300")
    retry_after = _optional(rule, "retry_after", fields.header_text, None)
    code, message = _optional(rule, "code", fields.text, None), _optional(rule, "message", fields.text, None)
    return Status(status, code, message, retry_after, body)


def _refuse(rule: Record) -> Refuse:
    _read(rule, "refuse", fields.true)
    if "errors" in rule and ("code" in rule or "message" in rule):
        raise _Wrong("errors", "must not stand beside code or message")
    code = _optional(rule, "code", fields.text, "ValidationError")
    message = _optional(rule, "message", fields.text, "Invalid content")
    errors = _optional(rule, "errors", fields.errors, (Error(code, message),))
    return Refuse(errors, _optional(rule, "rewrite", fields.rewrite, False))


def _miscount(rule: Record) -> Miscount:
    return Miscount(_read(rule, "miscount", fields.difference))


def _delay(rule: Record) -> Delay:
    return Delay(_read(rule, "delay", fields.seconds))


def _hang(rule: Record) -> Hang:
    _read(rule, "hang", fields.true)
    return Hang()


def _close(rule: Record) -> Close:
    return Close(_read(rule, "close", fields.when))


_ACTIONS: Mapping[str, Callable[[Record], Action]] = {
    "status": _status,
    "refuse": _refuse,
    "miscount": _miscount,
    "delay": _delay,
    "hang": _hang,
    "close": _close,
}


def _object(field: str, value: Json) -> Record:
    if not isinstance(value, dict):
        raise _Wrong(field, "must be an object")
    return value


def _only(owner: Record, path: str, known: set[str]) -> None:
    for name in owner:
        if name not in known:
            raise _Wrong(f"{path}{name}", "is not known here")


def _optional(owner: Record, field: str, reader: _Reader[_T], default: _D, path: str = "") -> _T | _D:
    return _read(owner, field, reader, path) if field in owner else default


def _read(owner: Record, field: str, reader: _Reader[_T], path: str = "") -> _T:
    try:
        return reader(owner[field])
    except ValueError as fault:
        raise _Wrong(f"{path}{field}", str(fault)) from fault
