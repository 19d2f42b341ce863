"""The words that every API of the sandbox and its surroundings share; imports nothing of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end. `headers` has lower-case names; repeated ones are joined by a comma.

    `parameters` are the parts of the path that are not fixed, by their names.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, a body, and headers besides the usual ones. `content_type` empty: no header."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Error(NamedTuple):
    """Why a record was not processed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One record of an accepted request that was not processed. `rewrite`: how its echo differs from what was sent.

    False: not at all. True: as in the API's own samples. An object: these fields replace the record's own.
    """

    record: Json
    errors: Sequence[Error]
    rewrite: bool | Record = False


class Counted(NamedTuple):
    """What a call adds to the counts besides its `ids`: for an API that keeps its records itself."""

    accepted: int = 0
    distinct: int = 0


def no_effect() -> Counted:
    return Counted()


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API makes of a call.

    `account` and `records` are told as far as they could be read, also of a refused call: the fault rules match them.
    `refusal` is the answer when the call is not in order. Of a call in order:

    - `ids` are the identities of the records, one each. Without them no fault rule can refuse a single record.
    - `unprocessed` are the records that the API itself does not process, by their index.
    - `effect` is called once when the call is taken in, also if it is never answered.
    - `success` is the answer, where it does not depend on which records were refused.

    `group` and `details` are for the questions: the order key of the request, and whatever is worth telling.
    """

    account: str | None
    records: Sequence[Json]
    ids: Sequence[str] = ()
    refusal: Answer | None = None
    unprocessed: Mapping[int, Refused] = field(default_factory=dict)
    effect: Callable[[], Counted] = no_effect
    success: Answer = field(default_factory=lambda: Answer(200, b""))
    group: str | None = None
    details: Record = field(default_factory=dict)


class Api(Protocol):
    """One API. Its functions do no I/O; everything about HTTP, time, recording and faults is around them.

    Two APIs of the same name are two doors to the same thing: an event sent through both counts as sent twice.
    """

    name: str
    path: str
    method: str

    def read(self, call: Call) -> Reading:
        """Check a call; whatever the bytes are, the result is a reading and never an exception."""

    def accepted(self, reading: Reading, refused: Sequence[Refused], miscount: int) -> Answer:
        """Answer a call in order, of which these records were not processed; counts are told wrong by `miscount`."""

    def failed(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        """Answer with an error as the API's document describes it; `code` defaults to the one of the status."""

    def records(self, body: bytes) -> Sequence[Json]:
        """Find the records again in the body of a call that was in order."""
