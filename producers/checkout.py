"""A checkout in a shop's words: makes an event for `event-api`. Source: event-api.txt, "Standard objectData fields"."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from producers.clock import rfc3339_of
from producers.destinations.event_api import DEFAULT_EVENT_TYPE
from producers.normalisation import normalised_sha256


def conversion(
    *,
    order_id: str,
    amount: Decimal | int | str,
    currency: str,
    email: str | None = None,
    email_sha256: str | None = None,
    product: str | None = None,
    quantity: int | None = None,
    at: datetime | None = None,
    event_id: str | None = None,
    conversion_type: str | None = None,
    extra: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An event for `Producer.enqueue("event-api", …)`: somebody bought something.

    `order_id` becomes `confirmationref`, by which Rokt removes duplicate conversions. `email` is trimmed and lowercased
    as the document asks. `at` must know its time zone. `extra`: further `objectData` fields by Rokt's names. What is
    not given is left out. Raises ValueError for an amount that is no number or a time without a zone.
    """
    fields = {
        "email": (email or "").strip().lower() or None,
        "emailsha256": _sha256(email_sha256),
        "amount": _decimal(amount),
        "currency": currency,
        "quantity": None if quantity is None else str(quantity),
        "conversiontype": conversion_type,
        "productname": product,
        "confirmationref": order_id,
        **(extra or {}),
    }
    event: dict[str, Any] = {
        "eventType": DEFAULT_EVENT_TYPE,
        "objectData": [{"name": name, "value": value} for name, value in fields.items() if value is not None],
    }
    if event_id is not None:
        event["clientEventId"] = event_id
    if at is not None:
        event["eventTime"] = rfc3339_of(at)
    return event


def _sha256(digest: str | None) -> str | None:
    try:
        return normalised_sha256(digest) if digest else None
    except ValueError as error:
        raise ValueError(f"email_sha256: {error}") from None


def _decimal(amount: Decimal | int | str) -> str:
    """Plain digits with a decimal point: never an exponent, never a float's rounding."""
    if isinstance(amount, float):
        raise ValueError("amount: give a Decimal, an int or a str; a float is not exact")
    try:
        number = Decimal(amount)
    except ArithmeticError:
        raise ValueError(f"amount: {amount!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"amount: {amount!r} is not a finite number")
    return f"{number:f}"
