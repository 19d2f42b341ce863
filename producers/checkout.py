"""A checkout in a shop's words: makes events for `event-api`. Source: event-api.txt, "Standard objectData fields"."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from producers.destinations.event_api import DEFAULT_EVENT_TYPE
from producers.errors import Fault
from producers.shop import formats
from producers.shop.basket import put_items
from producers.shop.objectdata import ObjectData
from producers.shop.words import Address, Customer, Device, Item, Payment

Number = Decimal | int | str
_NO_CARDS = {"ccbin": formats.card_bin, "paymenttype": formats.payment_type}

__all__ = ["Address", "Customer", "Device", "Item", "Payment", "binary", "conversion", "transaction"]


def conversion(
    *,
    order_id: str,
    amount: Number,
    currency: str,
    email: str | None = None,
    email_sha256: str | None = None,
    product: str | None = None,
    quantity: int | None = None,
    at: datetime | None = None,
    event_id: str | None = None,
    conversion_type: str | None = None,
    extra: Mapping[str, str] | None = None,
    items: Sequence[Item] | None = None,
    margin: Number | None = None,
    transaction_id: str | None = None,
    passback_conversion_tracking_id: str | None = None,
    language: str | None = None,
    customer: Customer | None = None,
    payment: Payment | None = None,
    device: Device | None = None,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An event for `Producer.enqueue("event-api", …)`: somebody bought something.

    `order_id` becomes `confirmationref`, by which Rokt removes duplicate conversions. `amount` and `margin` are never
    floats. `at` must know its time zone. `items`: their names are joined by commas, their quantities added up, and the
    SKU is sent if there is but one, since Rokt takes one alone. `extra`: further `objectData` fields by Rokt's names,
    which win over ours. `metadata`: name and value. What is not given, or blank, is left out.

    Raises `InvalidEvent` with every fault, by argument (`customer.dob`): also where one thing is given in two ways.
    """
    return transaction(
        event_type=DEFAULT_EVENT_TYPE,
        order_id=order_id if order_id is not None else "",
        amount=amount if amount is not None else "",
        currency=currency if currency is not None else "",
        email=email,
        email_sha256=email_sha256,
        product=product,
        quantity=quantity,
        at=at,
        event_id=event_id,
        conversion_type=conversion_type,
        extra=extra,
        items=items,
        margin=margin,
        transaction_id=transaction_id,
        passback_conversion_tracking_id=passback_conversion_tracking_id,
        language=language,
        customer=customer,
        payment=payment,
        device=device,
        metadata=metadata,
    )


def transaction(
    *,
    event_type: str,
    order_id: str | None = None,
    amount: Number | None = None,
    currency: str | None = None,
    email: str | None = None,
    email_sha256: str | None = None,
    product: str | None = None,
    quantity: int | None = None,
    at: datetime | None = None,
    event_id: str | None = None,
    conversion_type: str | None = None,
    extra: Mapping[str, str] | None = None,
    items: Sequence[Item] | None = None,
    margin: Number | None = None,
    transaction_id: str | None = None,
    passback_conversion_tracking_id: str | None = None,
    language: str | None = None,
    customer: Customer | None = None,
    payment: Payment | None = None,
    device: Device | None = None,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An event for `event-api` of any type, with the context of its transaction: a partner's, for anomaly detection.

    The document says that partners "can use the Event API in conjunction with the Web SDK for anomaly detection,
    helping catch inconsistencies in placement behavior", and shows a `booking` with an e-mail address and an amount.
    It does not say which types there are, nor which fields are looked at: agree on both with your account manager.
    All arguments mean what they mean for `conversion`, and only the type is needed; `conversion_type` is refused unless
    the type is the default one (`conversion`).
    """
    given = ObjectData()
    given.put("email", "email", email, formats.email)
    given.put("emailsha256", "email_sha256", email_sha256, formats.sha256)
    given.put_all("customer", customer, Customer)
    given.put(
        "passbackconversiontrackingid", *_named("passback_conversion_tracking_id", passback_conversion_tracking_id)
    )
    given.put("amount", "amount", amount, formats.decimal)
    given.put("margin", "margin", margin, formats.decimal)
    given.put("currency", "currency", currency, formats.currency)
    given.put("confirmationref", "order_id", order_id, formats.needed)
    given.put("transactionid", *_named("transaction_id", transaction_id))
    given.put("conversiontype", *_named("conversion_type", conversion_type))
    given.put("productname", *_named("product", product))
    given.put("quantity", "quantity", quantity, formats.count)
    put_items(given, items)
    given.put_all("payment", payment, Payment)
    given.put_all("device", device, Device)
    given.put("language", *_named("language", language))
    if "conversiontype" in given.fields and event_type != DEFAULT_EVENT_TYPE:
        given.faults.append(Fault("conversion_type", f"is only for events of the type {DEFAULT_EVENT_TYPE}"))
    _put_extra(given, extra)
    return given.event({"eventType": event_type, "clientEventId": event_id}, metadata, at)


def binary(content: bytes) -> str:
    """Bytes as a value of `extra` or `metadata`: "for binary value encode with Base64"."""
    return b64encode(content).decode()


def _named(argument: str, value: str | None) -> tuple[str, str | None, formats.Form]:
    """What is written as it is."""
    return argument, value, formats.text


def _put_extra(given: ObjectData, extra: object) -> None:
    """As it is, in place of a field of ours; but no card's number."""
    if extra is None:
        return
    if not isinstance(extra, Mapping):
        given.faults.append(Fault("extra", f'expected {{"name": "value"}}, got {type(extra).__name__}'))
        return
    for name, value in extra.items():
        form = _NO_CARDS.get(str(name).strip().lower(), formats.unchanged)
        try:
            given.fields[name] = form(value)
        except ValueError as error:
            given.faults.append(Fault(f"extra.{name}", str(error)))
