"""One request to an API, from its first byte to its end: read, decide, take in, answer or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from .api import Answer, Api, Call, Reading, Refused
from .connection import abort
from .faults import Close, Faults, Hang, Status, Verdict
from .limits import Limits
from .receiving import BodyTooLong, gone, gone_within, read_body
from .recorder import Recorder, Request
from .responses import as_response, new_trace_id


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the endpoints of all APIs share. `now` is the UTC time against which event times are judged."""

    recorder: Recorder
    faults: Faults
    limits: Limits
    now: Callable[[], datetime]


class Endpoint:
    """The ASGI application behind the path of one API."""

    def __init__(self, api: Api, around: Surroundings, max_body_bytes: int) -> None:
        self._api = api
        self._around = around
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.monotonic()
        try:
            body, reading = await self._read(scope, receive)
        except ClientDisconnect:  # it never sent the whole request: nothing arrived
            return
        with self._around.limits.enter(self._api.name, reading.account, arrived) as let_in:
            if not let_in:
                reading = replace(reading, refusal=self._api.failed(429))
            await self._handle(body, reading, arrived, scope, receive, send)

    async def _handle(
        self, body: bytes, reading: Reading, arrived: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        recorder, trace_id = self._around.recorder, new_trace_id()
        request = recorder.begin(self._api.name, scope["path"], reading, trace_id, arrived)
        status = None
        try:
            answer = await self._act(request, body, reading, scope, receive)
            if answer is not None:
                await as_response(answer, trace_id)(scope, receive, send)
                status = answer.status
        finally:
            recorder.end(request, status, time.monotonic())

    async def _read(self, scope: Scope, receive: Receive) -> tuple[bytes, Reading]:
        try:
            body = await read_body(receive, self._max_body_bytes)
        except BodyTooLong:
            return b"", Reading(None, (), refusal=self._api.failed(413))
        parameters = scope.get("path_params", {})
        return body, self._api.read(Call(scope["path"], _headers(scope), body, self._around.now(), parameters))

    async def _act(
        self, request: Request, body: bytes, reading: Reading, scope: Scope, receive: Receive
    ) -> Answer | None:
        """Do what the API and the faults say; None if there is no answer."""
        in_order = reading.refusal is None
        divisible = in_order and bool(reading.ids)
        verdict = self._around.faults.decide(request.path, reading.account, reading.records, divisible=divisible)
        refused = _refused(reading, verdict)
        if in_order and verdict.ending in (None, Close("after")):  # no `await` since `read`: its state is as it was
            accepted = ((index, id_) for index, id_ in enumerate(reading.ids) if index not in refused)
            self._around.recorder.take_in(request, body, accepted, reading.effect())
        if verdict.delay and await gone_within(receive, verdict.delay):
            return None
        if isinstance(verdict.ending, Close):
            abort(scope)
        if isinstance(verdict.ending, Close | Hang):
            await gone(receive)
            return None
        return self._answer(reading, verdict, refused)

    def _answer(self, reading: Reading, verdict: Verdict, refused: Mapping[int, Refused]) -> Answer:
        if isinstance(verdict.ending, Status):
            return self._faulty(verdict.ending)
        if reading.refusal is not None:
            return reading.refusal
        return self._api.accepted(reading, [refused[index] for index in sorted(refused)], verdict.miscount)

    def _faulty(self, fault: Status) -> Answer:
        answer = self._api.failed(fault.status, fault.code, fault.message)
        if fault.body is not None:
            answer = replace(answer, body=fault.body.encode(), content_type="text/html; charset=utf-8")
        if fault.retry_after is not None:
            answer = replace(answer, headers={**answer.headers, "Retry-After": fault.retry_after})
        return answer


def _refused(reading: Reading, verdict: Verdict) -> dict[int, Refused]:
    """By the rules and by the API itself, whose own reasons come first."""
    if reading.refusal is not None:
        return {}
    by_rule = {
        index: Refused(reading.records[index], fault.errors, fault.rewrite) for index, fault in verdict.refused.items()
    }
    return by_rule | dict(reading.unprocessed)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
