"""What a page sends: a bounded form that carries the token of its session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MAX_BYTES = 8_000_000  # an edited event, with each of its bytes as %XX
MAX_FORM = 1_000_000  # a filter or an account, the same way
MAX_LOGIN = 8_000  # whoever sends it, nobody knows him yet
LARGE = 100_000  # takes too long to be read beside everything else
MAX_FIELDS = 1_000
MAX_WHY = 500
Acting = Callable[[Request, "Form"], Awaitable[Response]]


class Form:
    """Its fields: each a text, the last of its name; `all` of a name."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._last = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._last.get(name, "")

    def all(self, name: str) -> list[str]:
        return [value for each, value in self._pairs if each == name]

    def exact(self, name: str) -> str:
        """A text that travelled as JSON: browsers change line ends and NUL. Raises `HTTPException`."""
        found = self._json(name)
        if not isinstance(found, str):
            raise HTTPException(400, f"{name}: no text")
        return found

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Raises `HTTPException`."""
        found = self._json(name)
        if not isinstance(found, dict):
            raise HTTPException(400, f"{name}: no object")
        return found

    @property
    def why(self) -> str:
        """Bounded, in one line."""
        return " ".join(self["why"].split())[:MAX_WHY]

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self[name])
        except (ValueError, RecursionError):
            raise HTTPException(400, f"{name}: no JSON") from None


def posted(path: str, work: Acting, most: int = MAX_FORM) -> Route:
    """A route that does something: by POST alone, with a form of this session, of at most so many bytes."""

    async def checked(request: Request) -> Response:
        form, session = await read_form(request, most), request.state.session
        if session is None or not request.app.state.access.owns_form(session, form["csrf"]):
            raise HTTPException(403, "This form is of another session. Open the page again.")
        return await work(request, form)

    return Route(path, checked, methods=["POST"])


async def read_form(request: Request, most: int) -> Form:
    """Of at most so many bytes. Raises `HTTPException`."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415, "no form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"more than {most} bytes", {"connection": "close"})
    try:
        return await asyncio.to_thread(_form, body) if len(body) > LARGE else _form(body)
    except ValueError:
        raise HTTPException(400, "no form") from None


def _form(body: bytearray) -> Form:
    text = body.decode("ascii")
    return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
