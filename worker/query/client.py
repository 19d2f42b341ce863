"""A typed client of Rokt's Query API.

Source: query-api.txt; the partner's endpoints, where that document breaks off, as `worker/query/endpoints.py` says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from producers.destinations.answers import Answer
from worker.access.oauth import UNREADABLE
from worker.http import Transport
from worker.query import endpoints
from worker.query.access import Access
from worker.query.endpoints import ADVERTISER, PARTNER, Endpoint, Side
from worker.query.errors import InvalidQuery, UnexpectedAnswer
from worker.query.model import Account, Help, Report
from worker.query.report_request import ReportRequest, faults_in
from worker.query.session import TIMEOUT_S, Session, utc_now
from worker.query.vocabulary import unknown_names

Kind = TypeVar("Kind")


class QueryClient:
    """Asks as one user. `host`, `auth_host`: scheme and host. What fails raises a `QueryFailed`.

    What an account's help says is kept as long as the client lives, and asked for again before a name is refused.
    """

    def __init__(
        self,
        transport: Transport,
        host: str,
        auth_host: str,
        credentials: Access,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._host = host
        self._session = Session(transport, auth_host, credentials, timeout_s, now)
        self._known: dict[tuple[Side, str], Help] = {}

    async def accounts(self) -> list[Account]:
        """The accounts that the user may ask about."""
        return await self._ask(endpoints.accounts(), list[Account])

    async def account(self, account: str) -> Account:
        """One account."""
        return await self._ask(endpoints.account(account), Account)

    async def advertiser_report(self, account: str, request: ReportRequest) -> Report:
        """Campaign figures. Raises `InvalidQuery`, before the report is asked for, if it cannot be right."""
        return await self.report(ADVERTISER, account, request)

    async def partner_report(self, account: str, request: ReportRequest) -> Report:
        """Transaction figures. Raises `InvalidQuery`, before the report is asked for, if it cannot be right."""
        return await self.report(PARTNER, account, request)

    async def advertiser_help(self, account: str) -> Help:
        """The metrics and dimensions of campaign figures."""
        return await self.help(ADVERTISER, account)

    async def partner_help(self, account: str) -> Help:
        """The metrics and dimensions of transaction figures."""
        return await self.help(PARTNER, account)

    async def help(self, side: Side, account: str) -> Help:
        """The metrics and dimensions of one side's figures."""
        known = await self._ask(endpoints.help_of(side, account), Help)
        self._known[side, account] = known
        return known

    async def report(self, side: Side, account: str, request: ReportRequest) -> Report:
        """One side's figures."""
        await self._check(side, account, request)
        return await self._ask(endpoints.report(side, account, request), Report)

    async def _check(self, side: Side, account: str, request: ReportRequest) -> None:
        if faults := faults_in(request):
            raise InvalidQuery(faults)
        known = self._known.get((side, account))
        if known is None or unknown_names(request, known):
            known = await self.help(side, account)
        if faults := unknown_names(request, known):
            raise InvalidQuery(faults)

    async def _ask(self, to: Endpoint, kind: type[Kind]) -> Kind:
        answer = await self._session.ask(to.method, f"{self._host}{to.path}", to.asked, to.body)
        return _read(answer, to, kind)


def _read(answer: Answer, to: Endpoint, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except UNREADABLE as error:
        message = f"{to.asked.name}: the answer is not the API's: {error}"
        raise UnexpectedAnswer(message, status=answer.status, trace_id=answer.trace_id) from None
