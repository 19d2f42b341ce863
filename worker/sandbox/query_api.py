"""Query API: accounts, reports and their help, under `/v1/query/`. Every endpoint wants a token.

The document says "standardized error responses" and shows none: `{"error": {"code", "message"}}` is the sandbox's own.
Checks run in this order: token, account (404), access to it (403), headers, JSON, the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .api import Answer, Api, Call, Json, Reading, Refused
from .credentials import Credentials, Pair
from .json_body import NotJson, dump, parse
from .media_types import is_json
from .oauth import Tokens
from .query_accounts import Account, QueryAccounts
from .query_request import InvalidReport, read_report
from .query_rows import report_rows
from .query_slugs import CAMPAIGNS, TRANSACTIONS, Report

PREFIX = "/v1/query/"
_ACCOUNTS = "/v1/query/accounts"
_QUERY_TIME_MS = 20  # made up, too

_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    500: "InternalServerError",
}
_MESSAGES = {
    400: "Invalid request parameters or filters",
    401: "Failed to authenticate. Invalid token.",
    403: "User does not have access to the specified account",
    404: "The requested resource was not found. Please validate your request is correct and try again.",
    429: "Too many requests",
}
_Handler: TypeAlias = Callable[[Call, Pair], Answer]


def error(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """The messages are those of the document."""
    told: Json = {
        "code": code or _CODES.get(status, f"Status{status}"),
        "message": message or _MESSAGES.get(status, "Server error" if status >= 500 else "The request was refused"),
    }
    return Answer(status, dump({"error": told}))


class QueryApi:
    """One endpoint. See `api.Api`; the account of its requests is the one in the path."""

    name = "query"

    def __init__(self, method: str, path: str, failure: str, tokens: Tokens, handler: _Handler) -> None:
        self.method, self.path = method, path
        self._failure = failure
        self._tokens = tokens
        self._handler = handler

    def read(self, call: Call) -> Reading:
        app = self._tokens.app_of(call.headers.get("authorization"), call.now)
        answer = error(401) if app is None else self._handler(call, app)
        account = call.parameters.get("account_id")
        if answer.status >= 400:
            return Reading(account, (), refusal=answer)
        return Reading(account, (), success=answer)

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:  # noqa: ARG002 - no records
        return reading.success

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        return error(status, code, message or (self._failure if status >= 500 else None))

    def records(self, body: bytes) -> Sequence[Json]:  # noqa: ARG002 - there are none
        return ()


class _Handlers:
    """What the endpoints answer to somebody whose token is good."""

    def __init__(self, accounts: QueryAccounts, credentials: Credentials) -> None:
        self._accounts, self._credentials = accounts, credentials

    def accounts(self, call: Call, app: Pair) -> Answer:  # noqa: ARG002 - everybody's own
        found: list[Json] = [item.record for item in self._accounts.by_id.values() if self._may_use(app, item)]
        return Answer(200, dump(found)) if found else error(404, message="User does not have any accounts")

    def account(self, call: Call, app: Pair) -> Answer:
        found = self._of(call, app, "Account with the specified ID does not exist")
        return found if isinstance(found, Answer) else Answer(200, dump(found.record))

    def help(self, report: Report) -> _Handler:
        def answer(call: Call, app: Pair) -> Answer:
            found = self._of(call, app)
            return found if isinstance(found, Answer) else Answer(200, dump(report.help()))

        return answer

    def report(self, report: Report) -> _Handler:
        def answer(call: Call, app: Pair) -> Answer:
            found = self._of(call, app)
            return found if isinstance(found, Answer) else _report(call, found, report)

        return answer

    def _of(self, call: Call, app: Pair, not_found: str | None = None) -> Account | Answer:
        account = self._accounts.by_id.get(call.parameters["account_id"])
        if account is None:
            return error(404, message=not_found)
        return account if self._may_use(app, account) else error(403)

    def _may_use(self, app: Pair, account: Account) -> bool:
        return account.access and self._credentials.app_may_use(app, account.id)


def query_apis(tokens: Tokens, credentials: Credentials, accounts: QueryAccounts) -> list[Api]:
    """All six endpoints. The advertiser's report has a slash at its end, the partner's has none."""
    handlers = _Handlers(accounts, credentials)
    one = f"{_ACCOUNTS}/{{account_id}}"
    report, metadata = "Server error while generating report", "Server error while retrieving metadata"
    return [
        QueryApi("GET", _ACCOUNTS, "Server error while retrieving accounts", tokens, handlers.accounts),
        QueryApi("GET", one, "Server error while retrieving account", tokens, handlers.account),
        QueryApi("POST", f"{one}/campaigns/", report, tokens, handlers.report(CAMPAIGNS)),
        QueryApi("GET", f"{one}/campaigns/help", metadata, tokens, handlers.help(CAMPAIGNS)),
        QueryApi("POST", f"{one}/transactions", report, tokens, handlers.report(TRANSACTIONS)),
        QueryApi("GET", f"{one}/transactions/help", metadata, tokens, handlers.help(TRANSACTIONS)),
    ]


def _report(call: Call, account: Account, report: Report) -> Answer:
    if not is_json(call.headers.get("content-type", "")):
        return error(400, message="Content-Type: must be application/json")
    try:
        rows = report_rows(account.id, read_report(parse(call.body), report), report)
    except (NotJson, InvalidReport) as fault:
        return error(400, message=str(fault))
    return Answer(200, dump({"data": [*rows], "accountId": account.id, "queryTimeMs": _QUERY_TIME_MS}))
