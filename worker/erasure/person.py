"""Whose an event is: told by an e-mail address, or by its SHA-256. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from producers.normalisation import normalised_email, normalised_sha256
from producers.stored_event import decode, payload_of
from worker.delivery.history import edits

_ADDRESS = re.compile(r"""[^\s@"'<>(){}\[\],;:=&?\\]+@[^\s@"'<>(){}\[\],;:=&?\\]+""")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|.)", re.DOTALL)
# What would make an address, or a hash, the end or the beginning of another one.
_NOT_BEFORE, _NOT_BEHIND = r"(?<![\w.+%-])", r"(?![\w-]|\.\w)"


class Person:
    """One, under all the addresses and hashes that are given. Raises ValueError for what is neither."""

    def __init__(self, emails: Iterable[str] = (), hashes: Iterable[str] = ()) -> None:
        addresses = frozenset(map(normalised_email, emails))
        self.hashes = frozenset({*map(normalised_sha256, hashes), *map(_hashed, addresses)})
        self._known = addresses | self.hashes
        # Who is known by a hash alone may be behind any address.
        self._unseen = self.hashes - frozenset(map(_hashed, addresses))
        needles = (each.encode() for each in (*self._known, *("@" for _ in self._unseen)))
        self._needle = re.compile(b"|".join(map(re.escape, needles)))
        words = "|".join(map(re.escape, self._known))
        self._in_text = re.compile(f"{_NOT_BEFORE}(?:{words}){_NOT_BEHIND}")

    def is_in(self, stored: bytes) -> bool:
        """Whether an event, as it lies in Redis, is the person's: a string in it is the address or the hash.

        What it was before it was edited counts as well.
        """
        if stored[:1] in (b"", b"\0"):  # blanked already, or with nothing in its header
            return bool(stored) and self.is_in_payload(payload_of(stored))
        event = decode(stored)
        before = msgspec.json.encode(edits(event.history)) if event.history else b""
        return self._is(event.id) or self.is_in_payload(event.payload) or self.is_in_payload(before)

    def is_in_message(self, stored: bytes) -> bool:
        """The same for a dead letter of the intake, which may be anything: it, or what it was, names the person."""
        event = decode(stored)
        return self.is_in_text(event.payload) or self.is_in_text(msgspec.json.encode(edits(event.history)))

    def is_in_payload(self, payload: bytes) -> bool:
        """The same for the JSON text alone; what is none is looked at as text."""
        if not self._may_be_in(payload):
            return False
        try:
            return any(map(self._is, _strings(msgspec.json.decode(payload))))
        except (ValueError, RecursionError):
            return self.is_in_text(payload)

    def is_in_text(self, text: bytes) -> bool:
        """Whether a message, JSON or not, names the person anywhere."""
        plain = text.decode("utf-8", "replace").lower()
        return any(self._is_named_in(each) for each in (plain, _ESCAPE.sub(_unescaped, plain).lower()))

    def _may_be_in(self, text: bytes) -> bool:
        """Cheap, and never wrong where it says no: what is escaped or not ASCII is looked at."""
        return b"\\" in text or not text.isascii() or bool(self._needle.search(text.lower()))

    def _is(self, text: str) -> bool:
        plain = text.strip().lower()
        return plain in self._known or bool(self._unseen and "@" in plain and _hashed(plain) in self._unseen)

    def _is_named_in(self, text: str) -> bool:
        if self._in_text.search(text):
            return True
        return bool(self._unseen) and any(_hashed(each.strip(".")) in self._unseen for each in _ADDRESS.findall(text))


def _hashed(address: str) -> str:
    return sha256(address.encode("utf-8", "surrogatepass")).hexdigest()


def _strings(value: Any) -> Iterator[str]:
    """Every string value in it, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else " "
