"""What the Query API answers, typed. Fields that are not known are passed over. Source: query-api.txt, "Response"."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

Row = dict[str, Any]


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """One account. `account_timezone_offset`: minutes from UTC. `account_owner`: an e-mail address, or None."""

    account_id: str
    account_name: str | None = None
    country_code: str | None = None
    account_owner: str | None = None
    account_currency_code: str | None = None
    account_timezone: str | None = None
    account_timezone_offset: int | None = None


class Term(Struct, frozen=True):
    """A metric or a dimension. `slug`: what a report request says."""

    slug: str
    description: str | None = None


class Help(Struct, frozen=True):
    """The metrics and dimensions that an account's reports may name."""

    dimensions: list[Term]
    metrics: list[Term]


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """`data`: the rows, each with what was asked for, and `datetime` where an interval was. `query_time_ms`: ms."""

    data: list[Row]
    account_id: str | None = None
    query_time_ms: float | None = field(name="queryTimeMs", default=None)
