"""The contents of a Custom Audience request: Custom Audience Import API, Request Body.

A fault is text that begins with the field's path, and repeats no value: addresses are personal data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard, overload

from .api import Json, Record
from .audience_lists import Action

MAX_ADDRESSES = 100_000
MAX_LIST_NAME = 256  # the document has no limit
DEFAULT_LIST = "AdvertiserDatabase"
KEYS = ("email", "emails", "sha256", "sha256s")

_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_HASH = re.compile(r"[0-9a-f]{64}")
_HASH_IN_ANY_CASE = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Import:
    """A request in order. `key` is the one of `KEYS` that it has."""

    list_name: str
    action: Action
    key: str
    addresses: list[str]


def read_import(data: Mapping[str, Json]) -> Import | str:
    """What a request asks for, or its first fault."""
    action, name, key = data.get("action"), data.get("list", DEFAULT_LIST), key_of(data)
    if not _is_action(action):
        return "action: must be include or exclude"
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_LIST_NAME:
        return f"list: must be a string of 1 to {MAX_LIST_NAME} characters, or missing"
    if key is None:
        return "exactly one of email, emails, sha256 and sha256s must be there"
    fault, addresses = _addresses(key, data[key])
    return fault or Import(name, action, key, addresses)


def _is_action(value: Json) -> TypeGuard[Action]:
    return value in ("include", "exclude")


def key_of(data: Mapping[str, Json]) -> str | None:
    """The key under which the addresses stand; None if there are several or none."""
    keys = [key for key in KEYS if key in data]
    return keys[0] if len(keys) == 1 else None


def kind_of(key: str) -> str:
    return "hashed" if key.startswith("sha256") else "plain"


def details_of(data: Mapping[str, Json]) -> Record:
    """What a request is about, as far as it can be read; for the questions."""
    key, name, action = key_of(data), data.get("list", DEFAULT_LIST), data.get("action")
    return {
        "list": name if isinstance(name, str) else None,
        "action": action if isinstance(action, str) else None,
        "kind": kind_of(key) if key else None,
        "key": key,
    }


class Addresses(Sequence[Json]):
    """The records of a request, for the fault rules: `{"email" or "sha256", "list", "action"}`, made when looked at."""

    def __init__(self, data: Mapping[str, Json]) -> None:
        key = key_of(data)
        value = data[key] if key else []
        self._values: list[Json] = value if isinstance(value, list) else [value]
        self._field = "sha256" if key and kind_of(key) == "hashed" else "email"
        details = details_of(data)
        self._about: Record = {"list": details["list"], "action": details["action"]}

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Json]: ...

    def __getitem__(self, index: int | slice) -> Json | Sequence[Json]:
        if isinstance(index, slice):
            return [self._record(value) for value in self._values[index]]
        return self._record(self._values[index])

    def _record(self, value: Json) -> Json:
        return {self._field: value, **self._about}


def _addresses(key: str, value: Json) -> tuple[str | None, list[str]]:
    if not key.endswith("s"):
        return _item_fault(key, key, value), [value] if isinstance(value, str) else []
    if not isinstance(value, list):
        return f"{key}: must be a list", []
    if not 1 <= len(value) <= MAX_ADDRESSES:
        return f"{key}: must hold 1 to {MAX_ADDRESSES} items, not {len(value)}", []
    texts: list[str] = []
    well_formed = _HASH.fullmatch if kind_of(key) == "hashed" else _EMAIL.fullmatch
    for index, text in enumerate(value):
        if not isinstance(text, str) or not well_formed(text) or text != text.lower():
            return _item_fault(key, f"{key}[{index}]", text), []
        texts.append(text)
    return None, texts


def _item_fault(key: str, path: str, value: Json) -> str | None:
    if not isinstance(value, str):
        return f"{path}: must be a string"
    fault = _hash_fault(value) if kind_of(key) == "hashed" else _email_fault(value)
    return fault and f"{path}: {fault}"


def _email_fault(text: str) -> str | None:
    if text != text.strip():
        return "must have no white space around it"
    if _HASH_IN_ANY_CASE.fullmatch(text):
        return "must be an e-mail address, and looks like a hash"
    if not _EMAIL.fullmatch(text):
        return "must be an e-mail address"
    return None if text == text.lower() else "must be in lower case"


def _hash_fault(text: str) -> str | None:
    if "@" in text:
        return "must be a hash, and looks like an e-mail address"
    return None if _HASH.fullmatch(text) else "must be 64 hexadecimal digits in lower case"
