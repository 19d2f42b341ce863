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

from .api import Json
from .apis import all_apis
from .control import Control
from .credentials import Credentials
from .endpoint import Endpoint, Surroundings
from .fault_rules import read_rules
from .faults import Faults
from .parameters import InvalidParameter
from .recorder import Recorder
from .responses import error_response

DEFAULT_MAX_BODY_BYTES = 1_000_000


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    *,
    seed: int = 0,
    faults: Json = None,
    credentials: Json = None,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    now: Callable[[], datetime] = utc_now,
) -> Starlette:
    """A sandbox of its own memory. `faults` and `credentials` are JSON values (see `fault_rules`, `credentials`).

    Raises `InvalidRules` or `InvalidCredentials`. Faults that close connections need `server.create_server`.
    """
    keys = Credentials(credentials)
    rules = [] if faults is None else read_rules(faults)
    around = Surroundings(Recorder(), Faults(seed, rules), now, max_body_bytes)
    apis = all_apis(keys)
    control = Control(around, {api.name: api for api in apis}, keys)
    endpoints = [Route(api.path, Endpoint(api, around), methods=[api.method]) for api in apis]
    app = Starlette(
        routes=[*endpoints, *control.routes()],
        exception_handlers={HTTPException: _http_error, InvalidParameter: _invalid_parameter, Exception: _unexpected},
    )
    app.router.redirect_slashes = False
    return app


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else ""
    response = error_response(status, re.sub("[^A-Za-z]", "", message), message)
    response.headers.update(getattr(error, "headers", None) or {})  # `Allow` of a 405
    return response


async def _invalid_parameter(_: Request, error: Exception) -> Response:
    return error_response(400, "InvalidParameter", str(error))


async def _unexpected(_: Request, __: Exception) -> Response:
    return error_response(500, "InternalServerError", "the sandbox has a defect; see its standard error")
