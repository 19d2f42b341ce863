"""What a shop knows of a purchase: who, where, how paid, on what device, and what. All optional, each by its name.

Each field says under which of the document's names it is sent. Source: event-api.txt, "Standard objectData fields".
A field left None or blank is not sent. Faults are told when the event is made, all at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from producers.shop import formats
from producers.shop.objectdata import Words, rokt


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Address(Words):
    """Where a customer lives."""

    unit: str | None = rokt("unitno", formats.text)
    line1: str | None = rokt("address1", formats.text)
    line2: str | None = rokt("address2", formats.text)
    zip_code: str | None = rokt("zipcode", formats.text)
    city: str | None = rokt("city", formats.text)
    state: str | None = rokt("state", formats.text)
    country: str | None = rokt("country", formats.text)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Customer(Words):
    """Who bought. Of a field that can be sent plain or as its SHA-256, give one of the two.

    `email` is trimmed and lowercased. `mobile` may hold spaces and punctuation, but no letters. A `…_sha256` is of the
    normalised value (`producers.normalisation` makes them). `dob`: a date, or yyyymmdd. `age`: 0 to 150.
    """

    email: str | None = rokt("email", formats.email)
    email_sha256: str | None = rokt("emailsha256", formats.sha256)
    first_name: str | None = rokt("firstname", formats.text)
    first_name_sha256: str | None = rokt("firstnamesha256", formats.sha256)
    last_name: str | None = rokt("lastname", formats.text)
    last_name_sha256: str | None = rokt("lastnamesha256", formats.sha256)
    mobile: str | None = rokt("mobile", formats.mobile)
    mobile_sha256: str | None = rokt("mobilesha256", formats.sha256)
    title: str | None = rokt("title", formats.text)
    gender: str | None = rokt("gender", formats.text)
    dob: date | str | None = rokt("dob", formats.birthday)  # noqa: RUF009 - it is a dataclass's field
    age: int | None = rokt("age", formats.age)
    address: Address | None = field(default=None, metadata={"inside": Address})


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Payment(Words):
    """How it was paid. `card_bin`: the first 6 to 8 digits of the card's number, never more of it."""

    type: str | None = rokt("paymenttype", formats.payment_type)
    card_bin: str | None = rokt("ccbin", formats.card_bin)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Device(Words):
    """What the customer used. Of the IP address and its SHA-256, give one. `type`: Desktop, Mobile, Tablet."""

    ip_address: str | None = rokt("ipaddress", formats.ip_address)
    ip_address_sha256: str | None = rokt("ipaddresssha256", formats.sha256)
    user_agent: str | None = rokt("useragent", formats.text)
    type: str | None = rokt("DeviceType", formats.text)
    os: str | None = rokt("os", formats.text)
    os_version: str | None = rokt("osversion", formats.text)
    browser: str | None = rokt("browser", formats.text)
    browser_version: str | None = rokt("browserversion", formats.text)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Item(Words):
    """One thing in the basket, so many times."""

    name: str | None = None
    sku: str | None = None
    quantity: int = 1
