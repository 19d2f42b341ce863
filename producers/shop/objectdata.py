"""Writes the words of a shop as `objectData`, and gathers every fault by the argument that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producers.clock import rfc3339_of
from producers.errors import Fault, InvalidEvent
from producers.shop.formats import Form

Pairs = list[dict[str, str]]
_HASHED = "sha256"


def rokt(name: str, form: Form) -> Any:
    """A field of the shop's words: Rokt's name for it, and how it is written."""
    return dataclasses.field(default=None, metadata={"rokt": name, "form": form})


class Words:
    """What the dataclasses of a shop's words share. Its text form shows which fields are given and none of them."""

    __slots__ = ()

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        given = ", ".join(f"{each.name}=…" for each in fields if getattr(self, each.name) is not None)
        return f"{type(self).__name__}({given})"


class ObjectData:
    """The fields of one event. A field that is not given (None), or of which nothing is left, is not written."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.faults: list[Fault] = []
        self._given_as: dict[str, str] = {}

    def put(self, name: str, at: str, value: object, form: Form) -> None:
        """`value` under Rokt's name; `at` is the argument that it came from."""
        if value is None:
            return
        try:
            written = form(value)
        except ValueError as error:
            self.faults.append(Fault(at, str(error)))
            written = ""
        else:
            if written == "":
                return
        self._once(name, at)
        self.fields[name] = written

    def put_all(self, at: str, words: object, kind: type[Words]) -> None:
        """Every field of one of the dataclasses; what is one itself is written in its place."""
        if words is None:
            return
        if not isinstance(words, kind):
            self.faults.append(Fault(at, f"expected {kind.__name__}, got {type(words).__name__}"))
            return
        for field in dataclasses.fields(words):  # type: ignore[arg-type]  # every subclass is a dataclass
            value, place = getattr(words, field.name), f"{at}.{field.name}"
            if "inside" in field.metadata:
                self.put_all(place, value, field.metadata["inside"])
            elif "rokt" in field.metadata:
                self.put(field.metadata["rokt"], place, value, field.metadata["form"])

    def _once(self, name: str, at: str) -> None:
        """Nothing in two ways: neither by two arguments, nor plain and hashed."""
        other = name.removesuffix(_HASHED) if name.endswith(_HASHED) else name + _HASHED
        for known in (name, other):
            if known in self._given_as:
                self.faults.append(Fault(at, f"is given as {self._given_as[known]} too; give one of them"))
        self._given_as.setdefault(name, at)

    def event(self, fields: Mapping[str, object], metadata: object, at: object) -> dict[str, Any]:
        """An event of these fields, which stand before `objectData`. Raises `InvalidEvent` with all that was found."""
        more = pairs_of(metadata, "metadata", self.faults)
        time = time_of(at, self.faults)
        raise_if(self.faults)
        named = {"metaData": more} if more else {}
        written = [{"name": name, "value": value} for name, value in self.fields.items()]
        return {**{name: value for name, value in fields.items() if value is not None}, **time, **named} | {
            "objectData": written
        }


def pairs_of(given: object, at: str, faults: list[Fault]) -> Pairs:
    """`{"name": "value"}` as Rokt's list of names and values. What they may hold is checked by the destination."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        faults.append(Fault(at, f'expected {{"name": "value"}}, got {type(given).__name__}'))
        return []
    return [{"name": name, "value": value} for name, value in given.items()]


def time_of(at: object, faults: list[Fault]) -> dict[str, str]:
    """`eventTime` of a moment that knows its zone; nothing if none is given: the producer makes it."""
    if at is None:
        return {}
    if not isinstance(at, datetime):
        faults.append(Fault("at", f"expected datetime, got {type(at).__name__}"))
    elif at.tzinfo is None:
        faults.append(Fault("at", "must know its time zone"))
    else:
        try:
            return {"eventTime": rfc3339_of(at)}
        except (ValueError, OverflowError):
            faults.append(Fault("at", "is not a time of the years 1 to 9999 in UTC"))
    return {}


def raise_if(faults: list[Fault]) -> None:
    if faults:
        raise InvalidEvent(faults)
