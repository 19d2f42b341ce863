"""Questions under `/_sandbox/`: what was received and accepted, and signals to wait for. `settings` has the rest.

Errors are 400, 404 or 504 with `{"data": {"code", "message"}}`. Every path, parameter and shape is described at its
function.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from .api import Api, Json, Record
from .endpoint import Surroundings
from .parameters import InvalidParameter, Parameters
from .receiving import first_of
from .recorder import Accepted, Request, Tally
from .responses import error_response, json_response
from .state import State

MAX_WAIT_S = 600.0
DEFAULT_WAIT_S = 10.0


class Control:
    """The handlers, all of them for one sandbox."""

    def __init__(self, around: Surroundings, apis: Mapping[str, Api], state: State) -> None:
        self._recorder, self._faults, self._limits = around.recorder, around.faults, around.limits
        self._apis, self._state = apis, state

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/summary", self.summary, methods=["GET"]),
            Route("/_sandbox/ids", self.ids, methods=["GET"]),
            Route("/_sandbox/events/{id:path}", self.event, methods=["GET"]),
            Route("/_sandbox/accepted", self.accepted, methods=["GET"]),
            Route("/_sandbox/taken", self.taken, methods=["GET"]),
            Route("/_sandbox/audience", self.audience, methods=["GET"]),
            Route("/_sandbox/requests", self.requests, methods=["GET"]),
            Route("/_sandbox/wait", self.wait, methods=["GET"]),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
        ]

    async def summary(self, request: HttpRequest) -> Response:
        """`?api&account`: counts since the last reset; `by_status` has `none` for requests without an answer."""
        asked = Parameters(request, "api", "account")
        return json_response(_summary(self._recorder.tally(asked.text("api"), asked.text("account"))))

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
        event = self._apis[key.api].records(places[0].body)[places[0].position]
        numbers: list[Json] = [place.request.number for place in places]
        return json_response({**key._asdict(), "accepted": len(places), "requests": numbers, "event": event})

    async def accepted(self, request: HttpRequest) -> Response:
        """`?api&account&group`: `{"accepted": [{"api", "account", "group", "id", "number", "arrived", "event"}]}`.

        In the order of acceptance, an event as often as it was accepted. `group`: a session of `server-events`;
        `number` and `arrived` are its request's.
        """
        asked = Parameters(request, "api", "account", "group")
        found = self._recorder.accepted(asked.text("api"), asked.text("account"), asked.text("group"))
        rows: list[Json] = [row for accepted in found for row in self._accepted_rows(accepted)]
        return json_response({"accepted": rows})

    async def taken(self, request: HttpRequest) -> Response:
        """`?api&account&group&records=true`: `{"taken": [{"number", "api", "account", "group", "arrived", "ids"}]}`.

        The requests of which something was accepted, in the order of acceptance, with the ids that were. `group`: a
        session of `server-events`, a list of `audience`, whose addresses have no ids. With `records=true` also the
        `records` that were accepted.
        """
        asked = Parameters(request, "api", "account", "group", "records")
        with_records = asked.flag("records")
        found = self._recorder.accepted(asked.text("api"), asked.text("account"), asked.text("group"))
        return json_response({"taken": [self._taken_row(each, with_records) for each in found]})

    async def audience(self, request: HttpRequest) -> Response:
        """`?account&list&members=true`: `{"lists": {account: {list: {"members": how many}}}}`.

        With `members=true` also `"addresses"`, sorted, beside the number.
        """
        asked = Parameters(request, "account", "list", "members")
        with_members = asked.flag("members")
        lists: dict[str, dict[str, Json]] = {}
        for account, name, members in self._state.lists.members(asked.text("account"), asked.text("list")):
            addresses: Record = {"addresses": [*sorted(members)]} if with_members else {}
            lists.setdefault(account, {})[name] = {"members": len(members), **addresses}
        return json_response({"lists": {**lists}})

    async def requests(self, request: HttpRequest) -> Response:
        """`?api&account&after=NUMBER`: `{"now": monotonic seconds, "requests": […]}`, in the order they came.

        `details` of an `audience` request: `{"list", "action", "kind": "plain" or "hashed", "key", "refused"?: why}`.
        """
        asked = Parameters(request, "api", "account", "after")
        api, after = asked.text("api"), asked.count("after") or 0
        of_account = self._recorder.requests_of(asked.text("account"))
        found: list[Json] = [_row(row) for row in of_account if row.number > after and api in (None, row.api)]
        return json_response({"now": time.monotonic(), "requests": found})

    async def wait(self, request: HttpRequest) -> Response:
        """`?events=N&requests=N&api&account&timeout=S`: the summary once both numbers are reached, else 504 with it."""
        asked = Parameters(request, "events", "requests", "api", "account", "timeout")
        events, requests = asked.count("events"), asked.count("requests")
        api, account = asked.text("api"), asked.text("account")
        timeout = asked.seconds("timeout", DEFAULT_WAIT_S, MAX_WAIT_S)
        if events is None and requests is None:
            raise InvalidParameter("events or requests is required")
        signal = self._recorder.when(lambda: _reached(self._recorder.tally(api, account), events or 0, requests or 0))
        came = await first_of(request.receive, signal, timeout)
        return json_response(_summary(self._recorder.tally(api, account)), 200 if came else 504)

    async def reset(self, request: HttpRequest) -> Response:
        """`?settings=true`: forget all requests, events and lists, and begin the faults again from the seed.

        Rules, credentials, limits and other settings stay, and so do the tokens that were given out; with
        `settings=true` they are gone, too: no rules, the first seed, any credentials, no limits, the sample's accounts.
        """
        with_settings = Parameters(request, "settings").flag("settings")
        self._recorder.reset()
        self._faults.restart()
        self._limits.forget()
        self._state.forget()
        if with_settings:
            self._faults.clear()
            self._limits.replace({})
            self._state.clear()
        return json_response({})

    def _taken_row(self, accepted: Accepted, with_records: bool) -> Record:
        request, body, ids = accepted
        row: Record = {
            "number": request.number,
            "api": request.api,
            "account": request.account,
            "group": request.group,
            "arrived": request.arrived,
            "ids": [id_ for _, id_ in ids],
        }
        if with_records:
            records = self._apis[request.api].records(body)
            row["records"] = [records[index] for index, _ in ids] if ids else [*records]
        return row

    def _accepted_rows(self, accepted: Accepted) -> Iterator[Record]:
        request, body, ids = accepted
        records = self._apis[request.api].records(body)
        for index, id_ in ids:
            yield {
                "api": request.api,
                "account": request.account,
                "group": request.group,
                "id": id_,
                "number": request.number,
                "arrived": request.arrived,
                "event": records[index],
            }


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
        "api": request.api,
        "path": request.path,
        "account": request.account,
        "group": request.group,
        "details": {**request.details},
        "events": request.events,
        "status": request.status,
        "trace_id": request.trace_id,
        "arrived": request.arrived,
        "ended": request.ended,
    }
