"""Checks a value against a msgspec model: fast when it is right, every fault by field when it is not.

No message repeats a value, since any may be somebody's name or address in the wrong place.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from producers.errors import Fault, InvalidEvent

_A_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
HALF_A_PAIR = "holds half of a surrogate pair, which is no text"
Model = TypeVar("Model", bound=msgspec.Struct)


def validated(value: object, model: type[Model], *, at: str, strict: bool = True) -> Model:
    """`value` as `model`. Raises `InvalidEvent` with every fault, fields named from `at` on.

    msgspec stops at the first fault, so the whole value is walked only once it is known to be wrong.
    """
    try:
        return msgspec.convert(value, model, strict=strict)
    except (msgspec.ValidationError, UnicodeEncodeError):
        raise InvalidEvent(list(faults_of(value, model, at, strict)) or [Fault(at, "cannot be read")]) from None


def faults_of(value: object, kind: Any, at: str, strict: bool = True) -> Iterator[Fault]:
    """Every fault of `value` against the type `kind`, in the order of the fields."""
    kind = _without_unset(kind)
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        yield from _object_faults(value, bare, at, strict)
    elif get_origin(bare) is list and isinstance(value, list):
        yield from _leaf_faults(value, Annotated[(list[Any], *_metas(kind))] if _metas(kind) else list[Any], at, strict)
        for index, item in enumerate(value):
            yield from faults_of(item, get_args(bare)[0], f"{at}[{index}]", strict)
    elif get_origin(bare) is dict and isinstance(value, Mapping):
        for name, item in value.items():
            yield from faults_of(item, get_args(bare)[1], _inside(at, str(name)), strict)
    else:
        yield from _leaf_faults(value, kind, at, strict)


def _object_faults(value: object, model: type[msgspec.Struct], at: str, strict: bool) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(at, f"expected an object, got {_name(value)}")
        return
    fields = _fields(model)
    yield from _unknown_names(value, fields, at, model)
    for name, field in fields.items():
        if name in value:
            yield from faults_of(value[name], field.type, _inside(at, name), strict)
        elif field.required:
            yield Fault(_inside(at, name), "is required")


@cache
def _fields(model: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field for field in msgspec.structs.fields(model)}


def _unknown_names(
    value: Mapping[Any, object], fields: Mapping[str, object], at: str, model: type[msgspec.Struct]
) -> Iterator[Fault]:
    if not model.__struct_config__.forbid_unknown_fields:
        return
    for name in value:
        if name not in fields:
            hint = near(str(name), fields) or f" (known: {', '.join(fields)})"
            yield Fault(_inside(at, _shown(name)), f"is not a known field{hint}")


def _leaf_faults(value: object, kind: Any, at: str, strict: bool) -> Iterator[Fault]:
    if get_origin(kind) is Literal and isinstance(value, str):
        if value not in get_args(kind):
            yield Fault(at, f"must be one of {', '.join(get_args(kind))}{near(value, get_args(kind))}")
        return
    try:
        msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        yield Fault(at, str(error).replace("`", "").replace("Expected", "expected"))
    except UnicodeEncodeError:  # msgspec wants to show the value
        yield Fault(at, HALF_A_PAIR)


def near(given: str, known: Iterable[str]) -> str:
    """What was probably meant. What was given is repeated by no message: it may be anybody's name or address."""
    from difflib import get_close_matches  # only a mistake needs it, and it takes a while to load

    found = get_close_matches(given[:100], list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _shown(name: object) -> str:
    """A field's name in a message, unless it looks like no name: then it may be a value in the wrong place."""
    return str(name) if _A_NAME.fullmatch(str(name)) and len(str(name)) < 64 else "(a name)"


def _without_unset(kind: Any) -> Any:
    """An optional field's type without the marker for "not given"; the marker is no value a caller can write."""
    if get_origin(kind) in (Union, types.UnionType):
        left = [part for part in get_args(kind) if part is not msgspec.UnsetType]
        return left[0] if len(left) == 1 else kind
    return kind


def _metas(kind: Any) -> tuple[Any, ...]:
    return tuple(get_args(kind)[1:]) if get_origin(kind) is Annotated else ()


def _inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _name(value: object) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), type(value).__name__)


def all_faults(found: Iterator[Fault], at: str) -> list[Fault]:
    """The faults found, or the one that hides them: a value nested so deeply that it cannot be walked."""
    try:
        return list(dict.fromkeys(found)) or [Fault(at, "cannot be sent")]
    except RecursionError:
        return [Fault(at, "is nested too deeply")]


def encoding_faults(value: object, at: str) -> Iterator[Fault]:
    """Texts that cannot be written as UTF-8 (half of a surrogate pair)."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from encoding_faults(name, _inside(at, "(a name)"))
            yield from encoding_faults(item, _inside(at, _shown(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from encoding_faults(item, f"{at}[{index}]")
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        yield Fault(at, HALF_A_PAIR)


def is_account(account: object) -> bool:
    """Whether an account's id is surely sound; of others `account_faults` says what is wrong, if anything."""
    return isinstance(account, str) and 1 <= len(account) <= 64 and account.isascii()


def account_faults(account: object) -> Iterator[Fault]:
    """What is wrong with an account's id. Source: event-api.txt, "Parameters": up to 64 characters."""
    if is_account(account):
        return
    yield from faults_of(account, Annotated[str, msgspec.Meta(min_length=1, max_length=64)], "account")
    yield from encoding_faults(account, "account")
