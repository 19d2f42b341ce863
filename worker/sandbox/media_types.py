"""`Content-Type` and `Accept`, as strictly as the documents name them."""

from __future__ import annotations


def is_json(content_type: str) -> bool:
    return _is(content_type, "application/json")


def is_form(content_type: str) -> bool:
    return _is(content_type, "application/x-www-form-urlencoded")


def accepts_json(accept: str) -> bool:
    """Whether `application/json` is named: a wildcard is what clients send that were told nothing."""
    return any(_is(part, "application/json") for part in accept.split(","))


def _is(value: str, wanted: str) -> bool:
    media_type, _, parameter = value.lower().replace(" ", "").partition(";")
    return media_type == wanted and parameter in ("", "charset=utf-8", 'charset="utf-8"')
