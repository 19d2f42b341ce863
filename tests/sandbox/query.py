"""What the tests of the Query API share: its paths, a report, a client that holds a token."""

from __future__ import annotations

from typing import Any

import httpx

from .conftest import Client
from .oauth import token
from .samples import encode

ACCOUNTS = "/v1/query/accounts"
ONE = "acc_123456789"
CAMPAIGNS = f"{ACCOUNTS}/{ONE}/campaigns/"
TRANSACTIONS = f"{ACCOUNTS}/{ONE}/transactions"
UNAUTHORIZED = "Failed to authenticate. Invalid token."
NOT_FOUND = "The requested resource was not found. Please validate your request is correct and try again."
FORBIDDEN = "User does not have access to the specified account"

ENDPOINTS = [
    ("GET", ACCOUNTS, "Server error while retrieving accounts"),
    ("GET", f"{ACCOUNTS}/{ONE}", "Server error while retrieving account"),
    ("POST", CAMPAIGNS, "Server error while generating report"),
    ("GET", f"{CAMPAIGNS}help", "Server error while retrieving metadata"),
    ("POST", TRANSACTIONS, "Server error while generating report"),
    ("GET", f"{TRANSACTIONS}/help", "Server error while retrieving metadata"),
]
OF_ONE_ACCOUNT = ENDPOINTS[1:]


class Query:
    """A client that holds a token."""

    def __init__(self, sandbox: Client) -> None:
        self.sandbox = sandbox
        self.headers = {"Authorization": f"Bearer {token(sandbox)}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else encode(body)
        named = self.headers | {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.sandbox.http.request(
            method, path, content=None if body is None and method == "GET" else content, headers=named
        )

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def report(self, path: str = CAMPAIGNS, **fields: Any) -> httpx.Response:
        """A small report; `fields` replace or add, `...` takes away."""
        body = {"startDate": "2025-03-04", "endDate": "2025-03-07", "metrics": ["impressions"]} | fields
        return self.ask("POST", path, {name: value for name, value in body.items() if value is not ...})

    def rows(self, path: str = CAMPAIGNS, **fields: Any) -> list[dict[str, Any]]:
        answer = self.report(path, **fields)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def accounts(self, *accounts: Any) -> httpx.Response:
        return self.sandbox.http.put("/_sandbox/query", content=encode({"accounts": list(accounts)}))


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    return answer.status_code, error["code"], error["message"]


def assert_refused(answer: httpx.Response, field: str) -> None:
    status, code, message = refusal(answer)
    assert (status, code) == (400, "BadRequest")
    assert message.startswith(field), message
