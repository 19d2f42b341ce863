"""Questions and settings under `/_sandbox/`: what was received and accepted, signals to wait for, faults, credentials.

Errors are 400, 404 or 504 with `{"data": {"code", "message"}}`; a list of rules that is wrong is answered with
`{"errors": [{"rule", "field", "fault"}]}`. Every path, parameter and shape is described at its function.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from .api import Api, Json
from .credentials import Credentials, InvalidCredentials
from .endpoint import Surroundings
from .fault_rules import InvalidRules, read_rules
from .json_body import NotJson, parse
from .parameters import InvalidParameter, Parameters
from .receiving import BodyTooLong, first_of, read_body
from .recorder import Request, Tally
from .responses import error_response, json_response

MAX_SETTING_BYTES = 16_000_000
MAX_WAIT_S = 600.0
DEFAULT_WAIT_S = 10.0


class Control:
    """The handlers, all of them for one sandbox."""

    def __init__(self, around: Surroundings, apis: Mapping[str, Api], credentials: Credentials) -> None:
        self._recorder, self._faults = around.recorder, around.faults
        self._apis, self._credentials = apis, credentials

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/summary", self.summary, methods=["GET"]),
            Route("/_sandbox/ids", self.ids, methods=["GET"]),
            Route("/_sandbox/events/{id:path}", self.event, methods=["GET"]),
            Route("/_sandbox/requests", self.requests, methods=["GET"]),
            Route("/_sandbox/wait", self.wait, methods=["GET"]),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
            Route("/_sandbox/faults", self.faults, methods=["GET"]),
            Route("/_sandbox/faults", self.replace_faults, methods=["PUT"]),
            Route("/_sandbox/credentials", self.replace_credentials, methods=["PUT"]),
        ]

    async def summary(self, request: HttpRequest) -> Response:
        """`?account`: counts since the last reset; `by_status` has `none` for requests without an answer."""
        account = Parameters(request, "account").text("account")
        return json_response(_summary(self._recorder.tally(account)))

    async def ids(self, request: HttpRequest) -> Response:
        """`?account&api&duplicates=true`: `{"ids": {account: {id: times accepted}}}`."""
        asked = Parameters(request, "account", "api", "duplicates")
        api, least = asked.text("api"), 2 if asked.flag("duplicates") else 1
        ids: dict[str, dict[str, Json]] = {}
        for key, count in self._recorder.counts(asked.text("account")):
            if count >= least and api in (None, key.api):
                ids.setdefault(key.account, {})[key.id] = count
        return json_response({"ids": {**ids}})

    async def event(self, request: HttpRequest) -> Response:
        """`/{id}?account`: `{"id", "api", "account", "accepted": times, "requests": [number], "event": the first}`."""
        account = Parameters(request, "account").text("account")
        key = self._recorder.find(request.path_params["id"], account)
        if key is None:
            return error_response(404, "NotFound", "no event of this id was accepted")
        places = self._recorder.places[key]
        event = self._apis[key.api].record(places[0].body, places[0].position)
        numbers: list[Json] = [place.request.number for place in places]
        return json_response({**key._asdict(), "accepted": len(places), "requests": numbers, "event": event})

    async def requests(self, request: HttpRequest) -> Response:
        """`?account&after=NUMBER`: `{"now": monotonic seconds, "requests": […]}`, in the order they came."""
        asked = Parameters(request, "account", "after")
        after = asked.count("after") or 0
        found: list[Json] = [_row(r) for r in self._recorder.requests_of(asked.text("account")) if r.number > after]
        return json_response({"now": time.monotonic(), "requests": found})

    async def wait(self, request: HttpRequest) -> Response:
        """`?events=N&requests=N&account&timeout=S`: the summary once both numbers are reached, else 504 with it."""
        asked = Parameters(request, "events", "requests", "account", "timeout")
        events, requests, account = asked.count("events"), asked.count("requests"), asked.text("account")
        timeout = asked.seconds("timeout", DEFAULT_WAIT_S, MAX_WAIT_S)
        if events is None and requests is None:
            raise InvalidParameter("events or requests is required")
        signal = self._recorder.when(lambda: _reached(self._recorder.tally(account), events or 0, requests or 0))
        came = await first_of(request.receive, signal, timeout)
        return json_response(_summary(self._recorder.tally(account)), 200 if came else 504)

    async def reset(self, request: HttpRequest) -> Response:
        """Forget all requests and events, and begin the faults again from the seed; rules and credentials stay."""
        Parameters(request)
        self._recorder.reset()
        self._faults.restart()
        return json_response({})

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
        """Body: `{account: {"public_key", "secret_key"}}`, or `null` to accept every pair of the right form again."""
        Parameters(request)
        try:
            self._credentials.replace(await _body(request))
        except InvalidCredentials as invalid:
            return error_response(400, "InvalidCredentials", str(invalid))
        return json_response({})


async def _body(request: HttpRequest) -> Json:
    try:
        return parse(await read_body(request.receive, MAX_SETTING_BYTES))
    except (NotJson, BodyTooLong, ClientDisconnect) as fault:
        raise InvalidParameter("the body must be JSON") from fault


def _reached(tally: Tally, events: int, requests: int) -> bool:
    return tally.distinct >= events and tally.requests >= requests


def _summary(tally: Tally) -> Json:
    by_status: dict[str, Json] = {str(status or "none"): count for status, count in tally.by_status.items()}
    return {
        "requests": {"total": tally.requests, "in_flight": tally.in_flight, "by_status": by_status},
        "events": {
            "accepted": tally.accepted,
            "distinct": tally.distinct,
            "duplicates": tally.accepted - tally.distinct,
        },
        "max_concurrency": tally.max_concurrency,
    }


def _row(request: Request) -> Json:
    return {
        "number": request.number,
        "path": request.path,
        "account": request.account,
        "events": request.events,
        "status": request.status,
        "trace_id": request.trace_id,
        "arrived": request.arrived,
        "ended": request.ended,
    }
