"""Settings under `/_sandbox/`: faults, credentials, limits, tokens, accounts. All but credentials can be asked, too.

Errors are 400 with `{"data": {"code", "message"}}`; a list of rules that is wrong is answered with
`{"errors": [{"rule", "field", "fault"}]}`. What is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from .api import Json
from .credentials import InvalidCredentials
from .endpoint import Surroundings
from .fault_rules import InvalidRules, read_rules
from .json_body import NotJson, parse
from .limits import InvalidLimits
from .oauth import InvalidOauth
from .parameters import InvalidParameter, Parameters
from .query_accounts import InvalidAccounts
from .receiving import BodyTooLong, read_body
from .responses import error_response, json_response
from .state import State

MAX_SETTING_BYTES = 16_000_000


class Settings:
    """The handlers, all of them for one sandbox."""

    def __init__(self, around: Surroundings, state: State) -> None:
        self._faults, self._limits, self._now = around.faults, around.limits, around.now
        self._state = state

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/faults", self.faults, methods=["GET"]),
            Route("/_sandbox/faults", self.replace_faults, methods=["PUT"]),
            Route("/_sandbox/credentials", self.replace_credentials, methods=["PUT"]),
            Route("/_sandbox/limits", self.limits, methods=["GET"]),
            Route("/_sandbox/limits", self.replace_limits, methods=["PUT"]),
            Route("/_sandbox/oauth", self.oauth, methods=["GET"]),
            Route("/_sandbox/oauth", self.change_oauth, methods=["PUT"]),
            Route("/_sandbox/query", self.query, methods=["GET"]),
            Route("/_sandbox/query", self.replace_query, methods=["PUT"]),
        ]

    async def faults(self, request: HttpRequest) -> Response:
        """`{"seed", "fired": [times each rule fired, in their order]}`."""
        Parameters(request)
        return json_response({"seed": self._faults.seed, "fired": [*self._faults.fired]})

    async def replace_faults(self, request: HttpRequest) -> Response:
        """`?seed=N`, body: the list of rules, which replaces the old one; `[]` for none. Answers like GET."""
        seed = Parameters(request, "seed").count("seed")
        try:
            rules = read_rules(await _body(request))
        except InvalidRules as invalid:
            return json_response({"errors": [fault._asdict() for fault in invalid.faults]}, 400)
        self._faults.seed = self._faults.seed if seed is None else seed
        self._faults.replace(rules)
        return json_response({"seed": self._faults.seed, "fired": [*self._faults.fired]})

    async def replace_credentials(self, request: HttpRequest) -> Response:
        """Body: a table (see `credentials`), or `null` to accept everything of the right form again."""
        return await _change(request, self._state.credentials.replace) or json_response({})

    async def limits(self, request: HttpRequest) -> Response:
        """`{api: {"per_second": N or null, "concurrency": N or null}}`."""
        Parameters(request)
        return json_response(self._limits.as_json())

    async def replace_limits(self, request: HttpRequest) -> Response:
        """Body: as GET answers; it replaces all limits, `{}` for none. Above one of its account a request gets 429."""
        return await _change(request, self._limits.replace) or json_response(self._limits.as_json())

    async def oauth(self, request: HttpRequest) -> Response:
        """`{"expires_in", "given", "by_app": {app id: given}, "valid"}`: tokens given out since the last reset."""
        Parameters(request)
        return json_response(self._state.tokens.as_json(self._now()))

    async def change_oauth(self, request: HttpRequest) -> Response:
        """Body: `{"expires_in": seconds of the tokens to come, "revoke": true}`, both optional. Answers like GET."""
        return await _change(request, self._state.tokens.change) or json_response(
            self._state.tokens.as_json(self._now())
        )

    async def query(self, request: HttpRequest) -> Response:
        """`{"accounts": [as the Query API answers them, and "access": true or false]}`."""
        Parameters(request)
        return json_response(self._state.accounts.as_json())

    async def replace_query(self, request: HttpRequest) -> Response:
        """Body: as GET answers, of which only `accountId` is required; `null` for the document's sample again."""
        return await _change(request, self._state.accounts.replace) or json_response(self._state.accounts.as_json())


async def _change(request: HttpRequest, change: Callable[[Json], None]) -> Response | None:
    """Give the body to a setting; the answer if it is refused."""
    Parameters(request)
    value = await _body(request)
    try:
        change(value)
    except (InvalidCredentials, InvalidLimits, InvalidOauth, InvalidAccounts) as invalid:
        return error_response(400, type(invalid).__name__, str(invalid))
    return None


async def _body(request: HttpRequest) -> Json:
    try:
        return parse(await read_body(request.receive, MAX_SETTING_BYTES))
    except (NotJson, BodyTooLong, ClientDisconnect) as fault:
        raise InvalidParameter("the body must be JSON") from fault
