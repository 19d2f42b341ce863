"""Answers as HTTP responses; all of them carry a trace id."""

from __future__ import annotations

import uuid

from starlette.responses import Response

from .api import Answer, Json
from .json_body import dump

TRACE_HEADER = "X-Rokt-Trace-Id"
"""Event API, Response, Header: "unique identifier associated with the request"."""

_NO_BODY = (204, 205, 304)


def new_trace_id() -> str:
    return str(uuid.uuid4())


def error_body(code: str, message: str) -> bytes:
    """The Event API's error, which also serves where no API answers: `{"data": {"code", "message"}}`."""
    return dump({"data": {"code": code, "message": message}})


def as_response(answer: Answer, trace_id: str) -> Response:
    headers = {TRACE_HEADER: trace_id, **answer.headers}
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    return Response(b"" if answer.status in _NO_BODY else answer.body, answer.status, headers)


def json_response(value: Json, status: int = 200) -> Response:
    return as_response(Answer(status, dump(value)), new_trace_id())


def error_response(status: int, code: str, message: str) -> Response:
    return as_response(Answer(status, error_body(code, message)), new_trace_id())
