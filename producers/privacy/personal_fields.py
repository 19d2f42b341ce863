"""The fields that have a hashed form, and how a list of names and values loses what must not leave.

Names are compared trimmed and in small letters: `Email` is `email`. Source: event-api.txt, "Standard objectData
fields".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple
from unicodedata import category, normalize

import msgspec

from producers.normalisation import hashed_email, hashed_ip_address, hashed_mobile, hashed_name, is_sha256
from producers.validation import HALF_A_PAIR

PARTS = ("objectData", "metaData", "metadata")  # every list of names and values that a document knows
_HASHERS = {
    "email": hashed_email,
    "firstname": hashed_name,
    "lastname": hashed_name,
    "mobile": hashed_mobile,
    "ipaddress": hashed_ip_address,
}
PERSONAL = tuple(_HASHERS)
_PLAIN_OF = {f"{name}sha256": name for name in PERSONAL}
_NAMES, _VALUES = ("name", "Name"), ("value", "Value")  # a table of the documents writes them large
_ANOTHER_DIGEST = re.compile(r"[0-9a-f]{16,}")  # no name, number or address looks like this

Unhashable = Callable[[int, str], str | None]


def folded(name: object) -> str:
    """A name as it is compared; "" for what is no text. What cannot be seen in it, or is an accent, does not count."""
    if not isinstance(name, str):
        return ""
    plain = str.lower(str.strip(name))
    if plain.isascii() and plain.isprintable():
        return plain
    letters = (each for each in normalize("NFKD", plain) if category(each) not in ("Mn", "Cf", "Cc"))
    return "".join(letters).strip().lower()


def personal(name: object) -> str:
    """Which of the personal fields a name means, plain or hashed; "" for none."""
    return _PLAIN_OF.get(folded(name), folded(name) if folded(name) in _HASHERS else "")


def is_hashed(name: object) -> bool:
    return folded(name) in _PLAIN_OF


def digest(field: str, value: str) -> str:
    """The SHA-256 of a personal field, normalised first; one that is a SHA-256 stays. Raises ValueError, valueless."""
    plain = value.strip().lower()
    if _ANOTHER_DIGEST.fullmatch(plain) and not is_sha256(plain):
        raise ValueError("must be 64 hexadecimal digits")
    try:
        return _HASHERS[field](value)
    except UnicodeEncodeError:
        raise ValueError(HALF_A_PAIR) from None


def as_mapping(value: object) -> Mapping[str, Any] | None:
    """What is taken for an object: a mapping, or a model of ours. None for anything else."""
    if isinstance(value, msgspec.Struct):
        return {name: each for name, each in msgspec.structs.asdict(value).items() if each is not msgspec.UNSET}
    return value if isinstance(value, Mapping) else None


def as_list(value: object) -> list[Any] | None:
    """What is taken for a list. None for anything else."""
    return list(value) if isinstance(value, list | tuple | set | frozenset) else None


class Rules(NamedTuple):
    """What becomes of a list of names and values. `drop`: names, folded."""

    hashing: bool
    drop: frozenset[str]

    def applied(self, entries: list[Any], unhashable: Unhashable) -> list[Any]:
        """The entries that may leave: what has nothing to hide, or no shape, is the same object.

        Of a field given plain and hashed, the hashed one is left; of equal digests, the first. `unhashable(index,
        message)` gives what to write in place of a value without a hash; None leaves the entry.
        """
        read = [_Read.of(entry) for entry in entries]
        given = {folded(each.name) for each in read if each and is_hashed(each.name) and each.value.strip()}
        seen: set[tuple[str, str]] = set()
        return [
            left
            for index, (entry, each) in enumerate(zip(entries, read, strict=True))
            for left in self._left(entry, each, given, seen, partial(unhashable, index))
        ]

    def drops(self, name: object) -> bool:
        return folded(name) in self.drop

    def _left(
        self,
        entry: Any,
        read: _Read | None,
        given: set[str],
        seen: set[tuple[str, str]],
        unhashable: Callable[[str], str | None],
    ) -> Iterator[Any]:
        """The entry, another in its place, or none."""
        if self.drop and any(self.drops(name) for name in _names(entry)):
            return
        field = personal(read.name) if read and self.hashing else ""
        if not read or not field:
            yield entry
            return
        hashed = f"{field}sha256"
        if not read.value.strip() or self.drops(hashed) or (not is_hashed(read.name) and hashed in given):
            return
        try:
            written: str | None = digest(field, read.value)
        except ValueError as error:
            written = unhashable(str(error))
        if written is None:
            yield entry
        elif (hashed, written) not in seen:
            seen.add((hashed, written))
            yield entry if is_hashed(read.name) and written == read.value else read.written(hashed, written)


def _names(entry: object) -> list[object]:
    pair = as_mapping(entry)
    return [pair[key] for key in _NAMES if key in pair] if pair is not None else []


class _Read(NamedTuple):
    """An entry whose value is a text: its name (a personal one, if it has two), and the value that would be sent."""

    pair: Mapping[str, Any]
    name: str
    value: str

    @classmethod
    def of(cls, entry: object) -> _Read | None:
        """None for what the destination refuses anyway, or what has a name of no interest."""
        pair = as_mapping(entry)
        if pair is None:
            return None
        values = [value for key, value in pair.items() if key in _VALUES]
        names = [name for name in _names(pair) if personal(name)]
        if not names or not values or not isinstance(values[-1], str):
            return None
        return cls(pair, str.__str__(names[0]), values[-1])  # of an Enum str() would give something else

    def written(self, hashed: str, value: str) -> dict[str, Any]:
        """The entry with another value, spelled as it was. A name that says it is hashed stays."""
        name = self.name if is_hashed(self.name) else hashed
        return {key: name if key in _NAMES else value if key in _VALUES else other for key, other in self.pair.items()}
