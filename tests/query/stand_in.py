"""A stand-in for the Query API that a test can make answer anything: errors, echoes, rubbish, nothing at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.query.samples import ACCOUNT, ACCOUNTS, HELP, PARTNER_HELP, PARTNER_REPORT, REPORT

ROOT = "/v1/query/accounts"
TOKEN = "/auth/oauth2/token"
TRACE_ID = "trace-1"
CAMPAIGNS, CAMPAIGNS_HELP = f"{ROOT}/{ACCOUNT}/campaigns/", f"{ROOT}/{ACCOUNT}/campaigns/help"
TRANSACTIONS, TRANSACTIONS_HELP = f"{ROOT}/{ACCOUNT}/transactions", f"{ROOT}/{ACCOUNT}/transactions/help"
USUAL: dict[tuple[str, str], Any] = {
    ("GET", ROOT): ACCOUNTS,
    ("GET", f"{ROOT}/acc_123456789"): ACCOUNTS[0],
    ("POST", CAMPAIGNS): REPORT,
    ("GET", CAMPAIGNS_HELP): HELP,
    ("POST", TRANSACTIONS): PARTNER_REPORT,
    ("GET", TRANSACTIONS_HELP): PARTNER_HELP,
}


class Seen(NamedTuple):
    """One request as it came; `path` is not decoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class StandIn:
    """Answers as the document's examples do, until `next` says otherwise for one answer. Tokens: `token-1`, …"""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.refused_tokens: set[str] = set()
        self.tokens = 0
        self.silent = False
        self._next: dict[str, list[Response]] = defaultdict(list)
        routes = [Route("/{path:path}", self._answer, methods=["GET", "POST"])]
        self.app = Starlette(routes=routes)
        self.app.router.redirect_slashes = False

    def next(self, path: str, status: int = 200, body: Any = None, **headers: str) -> None:
        """The next answer at `path`; a body that is not bytes is JSON."""
        content = body if isinstance(body, bytes) else JSONResponse(body).body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._next[path].append(Response(content, status, {"X-Rokt-Trace-Id": TRACE_ID, **named}))

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    async def _answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        self.seen.append(Seen(request.method, path, request.headers, await request.body()))
        if self.silent:
            await _gone(request)
        if self._next[path]:
            return self._next[path].pop(0)
        return self._token() if path == TOKEN else self._usual(request, path)

    def _token(self) -> Response:
        self.tokens += 1
        return JSONResponse({"access_token": f"token-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"})

    def _usual(self, request: Request, path: str) -> Response:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") in self.refused_tokens:
            return JSONResponse({"message": "Failed to authenticate. Invalid token."}, 401)
        usual = USUAL.get((request.method, path))
        return JSONResponse({"message": "Not Found"}, 404) if usual is None else JSONResponse(usual)


async def _gone(request: Request) -> None:
    """Returns once the client has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
