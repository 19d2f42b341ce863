"""Marks in events that the sandbox will never take, and under which code each of them must die."""

from __future__ import annotations

from typing import Any

REFUSED = "refused"  # its record alone, inside a 200 or a 207
POISON = "poison"  # the whole request, with a 400
FIELD = "storm"
_CODES = {REFUSED: "StormRefused", POISON: "StormPoison"}


def can_bear(destination: str, mark: str) -> bool:
    """`audience` takes all of a request or nothing."""
    return destination != "audience" or mark == POISON


def code_of(destination: str, mark: str) -> str:
    """The first reason of the dead letter. `audience` documents no codes, so the status alone counts."""
    return "BadRequest" if destination == "audience" else _CODES[mark]


def rules_of(mark: str) -> list[dict[str, Any]]:
    """The sandbox's rules for a mark."""
    told = {"code": _CODES[mark], "message": f"an event marked {mark}"}
    action: dict[str, Any] = {"status": 400, **told} if mark == POISON else {"refuse": True, **told}
    places: dict[str, dict[str, Any]] = {
        "/v2/events": {f"objectData.{FIELD}": mark},
        "/v1/partner/events": {f"metadata.{FIELD}": mark},
    }
    if can_bear("audience", mark):
        places["/v3/import/suppression"] = {"email": {"contains": mark}}
    return [{**action, "match": {"path": path, "event": event}} for path, event in places.items()]
