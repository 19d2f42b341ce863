"""The words that every API of the sandbox and its surroundings share; imports nothing of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end. `headers` has lower-case names; repeated ones are joined by a comma."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, a body, and headers besides the usual ones."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API makes of a call.

    `account` and `records` are told as far as they could be read, also of a refused call: the fault rules match them.
    `ids` are the identities of the records, one each, when the call is in order; `refusal` is the answer when not.
    """

    account: str | None
    records: Sequence[Json]
    ids: Sequence[str] = ()
    refusal: Answer | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One record of an accepted request that was not processed. `rewrite`: how its echo differs from what was sent.

    False: not at all. True: as in the API's own samples. An object: these fields replace the record's own.
    """

    record: Json
    code: str
    message: str
    rewrite: bool | Record = False


class Api(Protocol):
    """One API. Its functions do no I/O; everything about HTTP, time, recording and faults is around them."""

    name: str
    path: str
    method: str

    def read(self, call: Call) -> Reading:
        """Check a call; whatever the bytes are, the result is a reading and never an exception."""

    def accepted(self, reading: Reading, refused: Sequence[Refused]) -> Answer:
        """Answer a call in order, of which the given records were not processed."""

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        """Answer with an error as the API's document describes it; `code` defaults to the one of the status."""

    def record(self, body: bytes, index: int) -> Json:
        """Find one record again in the body of a call that was in order."""
