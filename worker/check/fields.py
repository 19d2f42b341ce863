"""What can be seen of an account's credentials without asking anybody. Pure; no text shows a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from producers.destinations.accounts import AccountCredentials
from producers.errors import Fault


class Kind(NamedTuple):
    """Credentials that belong together: all of `fields`, or none."""

    name: str
    fields: tuple[str, ...]


KEY_PAIR = Kind("key pair", ("public_key", "secret_key"))
APP = Kind("app credentials", ("app_id", "app_secret"))
API_KEY = Kind("legacy audience API key", ("audience_api_key",))
TAG = Kind("tag with client id and secret", ("tag_id", "client_id", "client_secret"))
KINDS = (KEY_PAIR, APP, API_KEY, TAG)

_FIELDS = AccountCredentials.__struct_fields__
_NAMED = {"rpub-": ("a public key", "public_key"), "rsec-": ("a secret key", "secret_key")}
_PREFIXES = {"public_key": ("rpub-", "an app id, for app_id"), "secret_key": ("rsec-", "an app secret, for app_secret")}
_HALVES = (KEY_PAIR.fields, APP.fields, ("client_id", "client_secret"), ("tag_id", "client_secret"))
_ENDED_BY_COLON = ("public_key", "app_id")
_PREFIX = 5
_LONG = 12  # of a shorter value, five characters would be too much of it


def faults_of(credentials: AccountCredentials) -> list[Fault]:
    """Everything that is wrong with them as they stand, by field, in the order of the fields."""
    given = given_fields(credentials)
    if not given:
        return [Fault("credentials", "are missing: this account has none of any kind")]
    found = [*_misplaced(given), *_missing(given), *_unsendable(given), *_equal(given)]
    return sorted(found, key=lambda fault: _FIELDS.index(fault.field))


def given_fields(credentials: AccountCredentials) -> dict[str, str]:
    """Field -> value, of those that have one."""
    return {name: value for name in _FIELDS if (value := getattr(credentials, name))}


def masked(credentials: AccountCredentials) -> AccountCredentials:
    """The same fields without their values, of which some may be such that no request could be made of them."""
    return AccountCredentials(**dict.fromkeys(given_fields(credentials), "…"))


def shown(value: str) -> str:
    """`rpub-… (24 characters)`: enough to tell one from another, and no more."""
    named = value[:_PREFIX] in _NAMED
    start = value[:_PREFIX] if named or len(value) >= _LONG else ""
    printable = "".join(character if character.isprintable() else "?" for character in start)
    return f"{printable}… ({len(value)} character{'s' * (len(value) != 1)})"


def _place(value: str) -> tuple[str, str] | None:
    """What a value is by its first letters, and where it belongs."""
    return _NAMED.get(value.strip().lower()[:_PREFIX])


def _misplaced(given: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in given.items():
        place = _place(value)
        if place and place[1] != name:
            what, right = place
            swapped = _place(given.get(right, "")) == (_NAMED["rpub-"] if name == "public_key" else _NAMED["rsec-"])
            hint = f": {name} and {right} are swapped" if swapped and name in _PREFIXES else ""
            yield Fault(name, f"holds {what} ({value.strip()[:_PREFIX]}), which belongs in {right}{hint}")
        elif name in _PREFIXES and not place:
            prefix, other = _PREFIXES[name]
            yield Fault(name, f"does not begin with {prefix}; is it {other}?")


def _missing(given: Mapping[str, str]) -> Iterator[Fault]:
    """Halves that lack their other half. What is in the wrong field makes no kind of that field's."""
    placed = [name for name, value in given.items() if (_place(value) or ("", name))[1] == name]
    for kind in KINDS:
        there = [name for name in kind.fields if name in placed]
        for name in kind.fields:
            if there and name not in given:
                yield Fault(name, f"is missing, while {' and '.join(there)} {_is(there)} given ({kind.name})")


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _unsendable(given: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in given.items():
        ends = [end for end, stripped in (("start", value.lstrip()), ("end", value.rstrip())) if stripped != value]
        if ends:
            yield Fault(name, f"has white space at its {' and '.join(ends)}")
        if not all("!" <= character <= "~" for character in value.strip()):
            yield Fault(name, "holds a space or a character that is not ASCII, which no header may carry")
        if name in _ENDED_BY_COLON and ":" in value:
            yield Fault(name, "holds a colon, which ends it in Basic authentication")


def _equal(given: Mapping[str, str]) -> Iterator[Fault]:
    for first, second in _HALVES:
        if first in given and given[first].strip() == given.get(second, "").strip():
            yield Fault(second, f"is the same as {first}")
