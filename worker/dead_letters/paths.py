"""Places in an event as an operator writes them: `eventType`, `objectData.0.value`, `objectData[name=amount].value`.

A step is a field's name, the number of an entry, `[field=text]` (the one entry that has it) or `[+]` (behind the last).
A `\\` before `.`, `[`, `]`, `=` or itself takes it as it stands. Pure.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from producers.errors import Fault, InvalidEvent
from producers.validation import near

_STEP = re.compile(r"(?:^|\.)((?:\\.|[^\\.\[\]])+)|\[((?:\\.|[^\\\]])*)\]", re.DOTALL)
_TO_VALUE = re.compile(r"((?:\\.|\[(?:\\.|[^\\\]])*\]|[^\\\[=])*)=(.*)", re.DOTALL)
_CHOICE = re.compile(r"((?:\\.|[^\\=])+)=(.*)", re.DOTALL)
_NUMBER = re.compile(r"\d{1,6}")
_NOTHING = object()


class Name(NamedTuple):
    """A field, or, where a list stands, the entry of this number."""

    text: str


class Where(NamedTuple):
    """The one entry of a list whose field `name` is this text."""

    name: str
    text: str


class Behind(NamedTuple):
    """Behind the last entry of a list."""


Step = Name | Where | Behind
Path = tuple[Step, ...]


class Setting(NamedTuple):
    """`path=value`, as `--set` takes it."""

    path: Path
    text: str


def setting(given: str) -> Setting:
    """Raises `InvalidEvent`, whose fault names the path that was given."""
    split = _TO_VALUE.fullmatch(given)
    if split is None:
        raise _fault(given.partition("=")[0], "must be like eventType=conversion or objectData.0.value=12.50")
    return Setting(parse(split[1]), split[2])


def parse(given: str) -> Path:
    """Raises `InvalidEvent`, whose fault names what was given."""
    steps: list[Step] = []
    at = 0
    while at < len(given) and (step := _STEP.match(given, at)):
        steps.append(Name(_unescaped(step[1])) if step[1] is not None else _inside(step[2], given))
        at = step.end()
    if not steps or at != len(given):
        raise _fault(given, "is no path like eventType or objectData[name=amount].value")
    return tuple(steps)


def spelled(path: Sequence[Step]) -> str:
    """As `parse` reads it."""
    return "".join(_spelled(step) for step in path).removeprefix(".")


def with_set(event: Any, each: Setting) -> Any:
    """A copy of the event with another value there. The text is JSON where it is some and the old value is no text."""
    changed = copy.deepcopy(event)
    parent, last = _parent(changed, each.path), each.path[-1]
    old = _value(parent, last, each.path)
    value = each.text if isinstance(old, str) else _json_or(each.text)
    if isinstance(parent, dict):
        parent[_key(last, each.path)] = value
    else:
        place = _place(parent, last, each.path)
        parent[place : place + 1] = [value]
    return changed


def without(event: Any, path: Path) -> Any:
    """A copy of the event in which there is nothing any more. Raises `InvalidEvent` if there was nothing."""
    changed = copy.deepcopy(event)
    parent, last = _parent(changed, path), path[-1]
    if _value(parent, last, path) is _NOTHING:
        raise _fault(spelled(path), "is not there" + _hint(parent, last))
    del parent[_key(last, path) if isinstance(parent, dict) else _place(parent, last, path)]
    return changed


def found(event: Any, path: Path) -> Any:
    """What stands there. Raises `InvalidEvent` if nothing does."""
    parent = _parent(event, path)
    value = _value(parent, path[-1], path)
    if value is _NOTHING:
        raise _fault(spelled(path), "is not there" + _hint(parent, path[-1]))
    return value


def _inside(text: str, given: str) -> Step:
    if text == "+":
        return Behind()
    if _NUMBER.fullmatch(text):
        return Name(text)
    if choice := _CHOICE.fullmatch(text):
        return Where(_unescaped(choice[1]), _unescaped(choice[2]))
    raise _fault(given, "holds brackets that are none of [0], [name=amount], [+]")


def _spelled(step: Step) -> str:
    if isinstance(step, Behind):
        return "[+]"
    if isinstance(step, Where):
        return f"[{_escaped(step.name)}={_escaped(step.text)}]"
    return f".{_escaped(step.text)}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\.\[\]=])", r"\\\1", text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _parent(event: Any, path: Path) -> Any:
    """The object or list in which the last step is taken."""
    value = event
    for taken, step in enumerate(path):
        if not isinstance(value, dict | list):
            raise _fault(spelled(path), f"{spelled(path[:taken]) or 'the event'} is neither an object nor a list")
        if taken == len(path) - 1:
            break
        inner = _value(value, step, path)
        if inner is _NOTHING:
            raise _fault(spelled(path), f"{spelled(path[: taken + 1])} is not there" + _hint(value, step))
        value = inner
    return value


def _value(parent: Any, step: Step, path: Path) -> Any:
    if isinstance(parent, dict):
        return parent.get(_key(step, path), _NOTHING)
    place = _place(parent, step, path)
    return parent[place] if place < len(parent) else _NOTHING


def _key(step: Step, path: Path) -> str:
    if not isinstance(step, Name):
        raise _fault(spelled(path), "has brackets for an entry where no list stands")
    return step.text


def _place(entries: list[Any], step: Step, path: Path) -> int:
    """The number of an entry; the length of the list where a new one may come."""
    if isinstance(step, Behind):
        return len(entries)
    if isinstance(step, Where):
        return _chosen(entries, step, path)
    if not _NUMBER.fullmatch(step.text):
        raise _fault(spelled(path), "needs the number of an entry, or [name=…], where a list stands")
    if int(step.text) > len(entries):
        raise _fault(spelled(path), f"goes past the list, which has {len(entries)} entries")
    return int(step.text)


def _chosen(entries: list[Any], step: Where, path: Path) -> int:
    texts = [each.get(step.name) if isinstance(each, dict) else None for each in entries]
    places = [place for place, text in enumerate(texts) if text == step.text]
    if len(places) == 1:
        return places[0]
    if places:
        numbers = ", ".join(map(str, places))
        raise _fault(spelled(path), f"{len(places)} entries are so; name one by its number: {numbers}")
    known = [text for text in texts if isinstance(text, str)]
    raise _fault(spelled(path), "no entry is so" + (near(step.text, known) or "; a new one goes to [+]"))


def _hint(parent: Any, step: Step) -> str:
    return near(step.text, map(str, parent)) if isinstance(parent, dict) and isinstance(step, Name) else ""


def _json_or(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(_text: str) -> Any:
    raise ValueError


def _fault(field: str, message: str) -> InvalidEvent:
    return InvalidEvent([Fault(field, message)])
