"""The Query API's endpoints: how each is asked, and what its refusals mean.

Source: query-api.txt, "Path" and "Error Responses" of each. It breaks off at "Get Partner Report"; the partner's paths
(`transactions`, without a slash at the end, and `transactions/help`) were looked up elsewhere.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import quote

from producers.errors import Fault
from worker.query.errors import InvalidQuery
from worker.query.failures import Asked
from worker.query.report_request import ReportRequest
from worker.query.vocabulary import DATETIME

ROOT = "/v1/query/accounts"
Side = Literal["advertiser", "partner"]
ADVERTISER: Side = "advertiser"
PARTNER: Side = "partner"
_REPORTS = {ADVERTISER: "campaigns/", PARTNER: "transactions"}
_HELPS = {ADVERTISER: "campaigns/help", PARTNER: "transactions/help"}
_NO_RESOURCE = "the requested resource was not found; is the account id right?"
_DATETIME_HINT = "it sorts by datetime, which the API was seen to answer with 400; leave it out of orderBys"


class Endpoint(NamedTuple):
    """One request to make, and what was asked for in words."""

    method: str
    path: str
    asked: Asked
    body: bytes = b""


def accounts() -> Endpoint:
    """All accounts of the user."""
    return Endpoint("GET", ROOT, Asked("accounts", "this user does not have any accounts"))


def account(account_id: str) -> Endpoint:
    """One account. Raises `InvalidQuery` if the id cannot stand in a path."""
    return Endpoint("GET", _path(account_id), _asked("account", account_id, "an account with this id does not exist"))


def help_of(side: Side, account_id: str) -> Endpoint:
    """What reports may name. Raises `InvalidQuery` if the id cannot stand in a path."""
    asked = _asked(f"{side} help of account", account_id, _NO_RESOURCE)
    return Endpoint("GET", f"{_path(account_id)}/{_HELPS[side]}", asked)


def report(side: Side, account_id: str, request: ReportRequest) -> Endpoint:
    """A report. Raises `InvalidQuery` if the id cannot stand in a path."""
    sorts_by_datetime = any(order.column == DATETIME for order in request.order_bys)
    asked = _asked(f"{side} report of account", account_id, _NO_RESOURCE, _DATETIME_HINT if sorts_by_datetime else "")
    return Endpoint("POST", f"{_path(account_id)}/{_REPORTS[side]}", asked, request.body())


def _asked(what: str, account_id: str, missing: str, hint: str = "") -> Asked:
    return Asked(f"{what} {account_id}", missing, "this user has no access to the account", hint)


def _path(account_id: str) -> str:
    if not account_id.strip(".") or not account_id.isprintable():
        raise InvalidQuery([Fault("account", f"{account_id!r} is no account id")])
    return f"{ROOT}/{quote(account_id, safe='')}"
