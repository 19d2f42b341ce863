"""Lists of customers in a shop's words: events for `audience`. Source: custom-audience-import-api.txt.

These events carry no id and no `metadata`: an id that you choose is given to `enqueue(…, id=…)`.
"""

from __future__ import annotations

from producers.errors import Fault, InvalidEvent
from producers.normalisation import hashed_email, normalised_sha256
from producers.shop.formats import text


def include(
    email: str | None = None, *, email_sha256: str | None = None, list_name: str | None = None, hashed: bool = False
) -> dict[str, str]:
    """An address joins a list (the default one if none is named): give it plain, or its SHA-256.

    `hashed`: only the SHA-256 of `email` leaves this process. Raises `InvalidEvent` for what cannot be hashed, is no
    SHA-256, or is given in both ways or in none.
    """
    return _member("include", email, email_sha256, list_name, hashed)


def exclude(
    email: str | None = None, *, email_sha256: str | None = None, list_name: str | None = None, hashed: bool = False
) -> dict[str, str]:
    """An address leaves a list."""
    return _member("exclude", email, email_sha256, list_name, hashed)


def _member(
    action: str, email: str | None, email_sha256: str | None, list_name: str | None, hashed: bool
) -> dict[str, str]:
    named = {} if list_name is None else {"list": list_name}
    return {**_address(email, email_sha256, hashed), "action": action, **named}


def _address(email: str | None, email_sha256: str | None, hashed: bool) -> dict[str, str]:
    """A plain address is looked at, and brought into shape, when the event is enqueued."""
    at = "email" if email_sha256 is None else "email_sha256"
    try:
        if email is not None and email_sha256 is None:
            return {"sha256": hashed_email(text(email))} if hashed else {"email": email}
        if email_sha256 is not None and email is None:
            return {"sha256": normalised_sha256(text(email_sha256))}
    except ValueError as error:
        raise InvalidEvent([Fault(at, str(error))]) from None
    raise InvalidEvent([Fault("email", "give exactly one of email and email_sha256")])
