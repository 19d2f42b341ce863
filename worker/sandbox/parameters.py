"""Query parameters of the questions under `/_sandbox/`; a name that nobody reads is a mistake and is told."""

from __future__ import annotations

import re

from starlette.requests import Request

_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class InvalidParameter(ValueError):
    """A query parameter or a body cannot be used; the text says which and why. Answered with 400."""


class Parameters:
    """The parameters of one request; raises `InvalidParameter` for a name that is not known, or is given twice."""

    def __init__(self, request: Request, *known: str) -> None:
        items = request.query_params.multi_items()
        self._values = dict(items)
        if unknown := self._values.keys() - set(known):
            raise InvalidParameter(f"{min(unknown)} is not known here")
        if len(items) != len(self._values):
            raise InvalidParameter("a parameter is given twice")

    def text(self, name: str) -> str | None:
        return self._values.get(name)

    def count(self, name: str) -> int | None:
        value = self._matching(name, _WHOLE, "a whole number")
        return None if value is None else int(value)

    def seconds(self, name: str, default: float, maximum: float) -> float:
        value = self._matching(name, _DECIMAL, "a number of seconds")
        return default if value is None else min(float(value), maximum)

    def flag(self, name: str) -> bool:
        value = self._matching(name, re.compile("true|false"), "true or false")
        return value == "true"

    def _matching(self, name: str, form: re.Pattern[str], wanted: str) -> str | None:
        value = self._values.get(name)
        if value is not None and not form.fullmatch(value):
            raise InvalidParameter(f"{name} must be {wanted}")
        return value
