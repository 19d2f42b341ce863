"""Which dead letters a page is about: the fields of the filter form, which are the parameters of its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.console.known import queue_of
from worker.dead_letters import Filter

FIELDS = ("destination", "account", "code", "id")


def fields_of(given: Mapping[str, Any]) -> dict[str, str]:
    """What a form or an address says of each field; nothing where it says nothing."""
    return {name: given[name] if isinstance(given.get(name), str) else "" for name in FIELDS}


def filter_of(fields: Mapping[str, str]) -> Filter:
    """Raises `HTTPException` for what cannot be meant."""
    ids = fields["id"].split() if fields["id"].strip() else ()
    return Filter(queue_of(fields["destination"]), fields["account"] or None, fields["code"] or None, ids)


def in_words(fields: Mapping[str, str]) -> str:
    """The filter in one line."""
    said = [f"{name} {value}" for name, value in fields.items() if value]
    return ", ".join(said) or "all dead letters"
