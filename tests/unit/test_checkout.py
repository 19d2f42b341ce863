"""A checkout in a shop's words becomes an event in Rokt's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.checkout import conversion
from producers.errors import InvalidEvent
from tests.unit.samples import prepared


def sold(**given_: Any) -> dict[str, Any]:
    return conversion(**({"order_id": "o-1", "amount": "85.00", "currency": "USD"} | given_))


def fields(event: dict[str, Any]) -> dict[str, str]:
    """`objectData` as a dictionary. Fails the test if a name stands there twice."""
    pairs = event["objectData"]
    assert len({pair["name"] for pair in pairs}) == len(pairs)
    return {pair["name"]: pair["value"] for pair in pairs}


def test_what_is_given_stands_under_rokts_names() -> None:
    event = sold(
        email="john@example.com",
        product="Maroon 5 t-shirt",
        quantity=4,
        conversion_type="signup",
        event_id="e-1",
        extra={"sku": "230847"},
    )
    assert fields(event) == {
        "email": "john@example.com",
        "amount": "85.00",
        "currency": "USD",
        "quantity": "4",
        "conversiontype": "signup",
        "productname": "Maroon 5 t-shirt",
        "confirmationref": "o-1",
        "sku": "230847",
    }
    assert (event["eventType"], event["clientEventId"]) == ("conversion", "e-1")


def test_what_is_not_given_is_left_out() -> None:
    """Id and time too: the producer makes them once."""
    event = sold()
    assert fields(event) == {"amount": "85.00", "currency": "USD", "confirmationref": "o-1"}
    assert set(event) == {"eventType", "objectData"}


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_an_empty_email_is_left_out(blank: str) -> None:
    """A form that was left blank is not an address to match by."""
    assert "email" not in fields(sold(email=blank))


def test_an_email_is_trimmed_and_lowercased() -> None:
    """As the document asks: plain text, lowercase and without trailing spaces."""
    assert fields(sold(email="  John@Example.COM \n"))["email"] == "john@example.com"


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("85.00"), "85.00"),
        ("85.00", "85.00"),
        (85, "85"),
        (0, "0"),
        (-5, "-5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-9"), "0.000000001"),
        ("0.1", "0.1"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_an_amount_is_plain_digits(amount: Any, written: str) -> None:
    assert fields(sold(amount=amount))["amount"] == written


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_an_amount_is_never_rounded(amount: Decimal) -> None:
    written = fields(sold(amount=amount))["amount"]
    assert Decimal(written) == amount
    assert "e" not in written.lower()


@pytest.mark.parametrize("amount", ["", "five", "1,5", "nan", "inf", "-Infinity", Decimal("NaN"), "$5", 1.5])
def test_an_amount_that_is_no_number_is_refused_by_name(amount: Any) -> None:
    """A float too: it is not exact."""
    with pytest.raises(InvalidEvent, match=r"^amount: "):
        sold(amount=amount)


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "2026-11-22T10:00:00.000Z"),
        (datetime(2026, 11, 22, 10, 0, 0, 339_000, tzinfo=UTC), "2026-11-22T10:00:00.339Z"),
        (datetime(2026, 11, 22, 10, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-22T04:30:00.000Z"),
        (datetime(2026, 11, 22, 20, 0, tzinfo=timezone(timedelta(hours=-8))), "2026-11-23T04:00:00.000Z"),
    ],
)
def test_a_time_is_written_in_utc(at: datetime, written: str) -> None:
    assert sold(at=at)["eventTime"] == written


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"^at: must know its time zone"):
        sold(at=datetime(2026, 11, 22, 10, 0))  # noqa: DTZ001 - the fault under test


def test_a_conversion_is_taken_by_the_event_api() -> None:
    made = prepared(sold(email="a@b.c", at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC), event_id="e-1"))
    assert made.id == "e-1"


def test_a_further_field_may_replace_one_of_ours() -> None:
    assert fields(sold(extra={"currency": "EUR"}))["currency"] == "EUR"
