"""One request to an API, from its first byte to its end: read, decide, take in, answer or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from .api import Answer, Api, Call, Reading, Refused
from .connection import abort
from .faults import Close, Faults, Hang, Refuse, Status, Verdict
from .receiving import BodyTooLong, gone, gone_within, read_body
from .recorder import Recorder, Request
from .responses import as_response, new_trace_id


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the endpoints of all APIs share. `now` is the UTC time against which event times are judged."""

    recorder: Recorder
    faults: Faults
    now: Callable[[], datetime]
    max_body_bytes: int


class Endpoint:
    """The ASGI application behind the path of one API."""

    def __init__(self, api: Api, around: Surroundings) -> None:
        self._api = api
        self._around = around

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.monotonic()
        try:
            body, reading = await self._read(scope, receive)
        except ClientDisconnect:  # it never sent the whole request: nothing arrived
            return
        recorder, trace_id = self._around.recorder, new_trace_id()
        request = recorder.begin(scope["path"], reading.account, len(reading.records), trace_id, arrived)
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
            body = await read_body(receive, self._around.max_body_bytes)
        except BodyTooLong:
            return b"", Reading(None, (), refusal=self._api.failed(413))
        return body, self._api.read(Call(scope["path"], _headers(scope), body, self._around.now()))

    async def _act(
        self, request: Request, body: bytes, reading: Reading, scope: Scope, receive: Receive
    ) -> Answer | None:
        """Do what the API and the faults say; None if there is no answer."""
        in_order = reading.refusal is None
        verdict = self._around.faults.decide(request.path, reading.account, reading.records, in_order=in_order)
        if in_order and verdict.ending in (None, Close("after")):
            accepted = ((index, id_) for index, id_ in enumerate(reading.ids) if index not in verdict.refused)
            self._around.recorder.take_in(self._api.name, request, body, accepted)
        if verdict.delay and await gone_within(receive, verdict.delay):
            return None
        if isinstance(verdict.ending, Close):
            abort(scope)
        if isinstance(verdict.ending, Close | Hang):
            await gone(receive)
            return None
        return self._answer(reading, verdict)

    def _answer(self, reading: Reading, verdict: Verdict) -> Answer:
        if isinstance(verdict.ending, Status):
            return self._faulty(verdict.ending)
        if reading.refusal is not None:
            return reading.refusal
        return self._api.accepted(reading, [_refused(reading, *item) for item in _in_order(verdict.refused)])

    def _faulty(self, fault: Status) -> Answer:
        answer = self._api.failed(fault.status, fault.code, fault.message)
        if fault.body is not None:
            answer = replace(answer, body=fault.body.encode(), content_type="text/html; charset=utf-8")
        if fault.retry_after is not None:
            answer = replace(answer, headers={**answer.headers, "Retry-After": fault.retry_after})
        return answer


def _in_order(refused: dict[int, Refuse]) -> list[tuple[int, Refuse]]:
    """In the order of the request, whatever rules refused them."""
    return sorted(refused.items(), key=lambda item: item[0])


def _refused(reading: Reading, index: int, fault: Refuse) -> Refused:
    return Refused(reading.records[index], fault.code, fault.message, fault.rewrite)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
