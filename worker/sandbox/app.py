"""Puts a sandbox together: its state, one endpoint for each API, the questions about it, and what else can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import query_api
from .api import Json
from .apis import all_apis
from .control import Control
from .credentials import Credentials
from .endpoint import Endpoint, Surroundings
from .fault_rules import read_rules
from .faults import Faults
from .limits import Limits
from .parameters import InvalidParameter
from .recorder import Recorder
from .responses import as_response, error_response, new_trace_id
from .settings import Settings
from .state import State

DEFAULT_MAX_BODY_BYTES = 1_000_000
DEFAULT_MAX_AUDIENCE_BODY_BYTES = 16_000_000
"""100,000 hashes are 6.7 MB."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    *,
    seed: int = 0,
    faults: Json = None,
    credentials: Json = None,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    max_audience_body_bytes: int = DEFAULT_MAX_AUDIENCE_BODY_BYTES,
    now: Callable[[], datetime] = utc_now,
) -> Starlette:
    """A sandbox of its own memory. `faults` and `credentials` are JSON values (see `fault_rules`, `credentials`).

    Raises `InvalidRules` or `InvalidCredentials`. Faults that close connections need `server.create_server`.
    """
    state = State(Credentials(credentials))
    rules = [] if faults is None else read_rules(faults)
    apis = all_apis(state)
    around = Surroundings(Recorder(), Faults(seed, rules), Limits({api.name for api in apis}), now)
    control, settings = Control(around, {api.name: api for api in apis}, state), Settings(around, state)
    max_bytes = {"audience": max_audience_body_bytes}
    endpoints = [
        Route(api.path, Endpoint(api, around, max_bytes.get(api.name, max_body_bytes)), methods=[api.method])
        for api in apis
    ]
    app = Starlette(
        routes=[*endpoints, *control.routes(), *settings.routes()],
        exception_handlers={HTTPException: _http_error, InvalidParameter: _invalid_parameter, Exception: _unexpected},
    )
    app.router.redirect_slashes = False
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else ""
    code = re.sub("[^A-Za-z]", "", message)
    if request.url.path.startswith(query_api.PREFIX):
        response = as_response(query_api.error(status, code), new_trace_id())
    else:
        response = error_response(status, code, message)
    response.headers.update(getattr(error, "headers", None) or {})  # `Allow` of a 405
    return response


async def _invalid_parameter(_: Request, error: Exception) -> Response:
    return error_response(400, "InvalidParameter", str(error))


async def _unexpected(_: Request, __: Exception) -> Response:
    return error_response(500, "InternalServerError", "the sandbox has a defect; see its standard error")
