"""Names that a request gives, checked: 400 in words for what is none of ours."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from worker.console.desk import desk_of
from worker.intake.letters import NAME as INTAKE
from worker.operating.holding import is_account

QUEUES = (*DESTINATIONS, INTAKE)
"""Of dead letters."""


def destination_of(name: str) -> str:
    if name not in DESTINATIONS:
        raise HTTPException(400, f"There is no destination {name[:50]!r}.")
    return name


def account_of(name: str) -> str:
    if not is_account(name):
        raise HTTPException(400, "An account must not be empty, nor hold what cannot be printed.")
    return name


def queue_of(name: str) -> str | None:
    """A queue of dead letters; nothing given: all of them."""
    if name and name not in QUEUES:
        raise HTTPException(400, f"There is no queue {name[:50]!r}.")
    return name or None


def slot_of(request: Request) -> Slot:
    """Of the address `/{destination}/{shard}/…`."""
    destination, shard, buffer = (
        request.path_params["destination"],
        request.path_params["shard"],
        desk_of(request).buffer,
    )
    if destination not in QUEUES or shard >= (1 if destination == INTAKE else buffer.shards):
        raise HTTPException(404, "There is no such queue.")
    return Slot(buffer.key_prefix, destination, shard)
