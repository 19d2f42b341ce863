"""Every mistake in a shop's words is told at once, by argument, and without the value."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.checkout import Address, Customer, Device, Item, Payment, transaction
from producers.errors import InvalidEvent
from tests.unit.imports import ROOT
from tests.unit.test_checkout import fields, sold

HASH = "ab" * 32
CARD = "4111111111111111"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"order_id": " "}, "order_id: is empty"),
    ({"order_id": None}, "order_id: is empty"),
    ({"order_id": 1001}, "order_id: expected str, got int"),
    ({"amount": 1.5}, "amount: give a Decimal, an int or a str; a float is not exact"),
    ({"amount": True}, "amount: expected Decimal, int or str, got bool"),
    ({"amount": "five"}, "amount: is not a number"),
    ({"amount": "NaN"}, "amount: is not a finite number"),
    ({"amount": "1e999999999"}, "amount: has more than 1000 digits"),
    ({"margin": 0.1}, "margin: give a Decimal, an int or a str; a float is not exact"),
    ({"currency": "US$"}, "currency: must be three letters, like USD"),
    ({"currency": "euro"}, "currency: must be three letters, like USD"),
    ({"quantity": -1}, "quantity: must not be negative"),
    ({"quantity": "4"}, "quantity: expected int, got str"),
    ({"quantity": 1.0}, "quantity: expected int, got float"),
    ({"email": "john"}, "email: is not an e-mail address"),
    ({"email": HASH}, "email: is not an e-mail address: it is a SHA-256 already"),
    ({"email_sha256": "john@example.com"}, "email_sha256: must be 64 hexadecimal digits: it is a plain address"),
    ({"at": datetime(2026, 1, 1)}, "at: must know its time zone"),  # noqa: DTZ001 - the fault under test
    ({"at": "2026-01-01"}, "at: expected datetime, got str"),
    ({"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))}, "at: is not a time of the years 1 to 9999 in UTC"),
    ({"extra": ["sku"]}, 'extra: expected {"name": "value"}, got list'),
    ({"metadata": [{"name": "a", "value": "b"}]}, 'metadata: expected {"name": "value"}, got list'),
    ({"items": Item(name="a")}, "items: expected a list of Item, got Item"),
    ({"items": [{"sku": "1"}]}, "items[0]: expected Item, got dict"),
    ({"items": [Item(), Item(quantity=-1)]}, "items[1].quantity: must not be negative"),
    ({"items": [Item(sku="1,2")]}, "items[0].sku: must be one SKU, without a comma; give each item its own"),
    ({"customer": {"email": "john@example.com"}}, "customer: expected Customer, got dict"),
    ({"customer": Customer(email_sha256="x")}, "customer.email_sha256: must be 64 hexadecimal digits"),
    ({"customer": Customer(mobile="call me")}, "customer.mobile: is not a mobile number"),
    ({"customer": Customer(age=151)}, "customer.age: must be 0 to 150"),
    ({"customer": Customer(age=True)}, "customer.age: expected int, got bool"),
    ({"customer": Customer(dob="20.12.1985")}, "customer.dob: must be a real date as yyyymmdd"),
    ({"customer": Customer(dob="19850230")}, "customer.dob: must be a real date as yyyymmdd"),
    ({"customer": Customer(dob="１９８５１２２０")}, "customer.dob: must be a real date as yyyymmdd"),  # noqa: RUF001 - digits, but not these
    ({"customer": Customer(dob=datetime(1985, 1, 2, tzinfo=UTC))}, "customer.dob: expected a date or yyyymmdd, got"),
    ({"customer": Customer(address=Address(zip_code=90210))}, "customer.address.zip_code: expected str, got int"),  # type: ignore[arg-type]
    ({"device": Device(ip_address="1.2.3.4, 5.6.7.8")}, "device.ip_address: is not an IP address"),
    ({"payment": Payment(card_bin="12345")}, "payment.card_bin: must be the first 6 to 8 digits"),
    ({"payment": Payment(type=f"VISA {CARD}")}, "payment.type: holds as many digits as a card's number"),
]  # fmt: skip


def both(name: str) -> Customer:
    given: dict[str, Any] = {name: "55512", f"{name}_sha256": HASH}
    return Customer(**given)


def refusal(**arguments: Any) -> list[str]:
    with pytest.raises(InvalidEvent) as told:
        sold(**arguments)
    return [str(fault) for fault in told.value.faults]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_each_mistake_is_one_fault_of_its_argument(arguments: dict[str, Any], message: str) -> None:
    (told,) = refusal(**arguments)
    assert told.startswith(message)


def test_all_mistakes_are_told_at_once() -> None:
    """Somebody who wires up a checkout fixes all of it in one round."""
    told = refusal(
        amount=1.5,
        currency="",
        at="now",
        customer=Customer(dob="1", age=-1, address=Address(city=5)),  # type: ignore[arg-type]
        device=Device(ip_address="here"),
        items=[Item(sku=",")],
    )
    assert [one.partition(": ")[0] for one in told] == [
        "customer.dob",
        "customer.age",
        "customer.address.city",
        "amount",
        "currency",
        "items[0].sku",
        "device.ip_address",
        "at",
    ]


@pytest.mark.parametrize(
    ("arguments", "first", "second"),
    [
        ({"email": "a@example.com", "customer": Customer(email="a@example.com")}, "customer.email", "email"),
        ({"email": "a@example.com", "email_sha256": HASH}, "email_sha256", "email"),
        ({"email_sha256": HASH, "customer": Customer(email="a@example.com")}, "customer.email", "email_sha256"),
        ({"customer": both("first_name")}, "customer.first_name_sha256", "customer.first_name"),
        ({"customer": both("last_name")}, "customer.last_name_sha256", "customer.last_name"),
        ({"customer": both("mobile")}, "customer.mobile_sha256", "customer.mobile"),
        ({"device": Device(ip_address="::1", ip_address_sha256=HASH)}, "device.ip_address_sha256", "device.ip_address"),
        ({"product": "a", "items": [Item(name="a")]}, "items", "product"),
        ({"quantity": 1, "items": [Item(sku="a")]}, "items", "quantity"),
    ],
)  # fmt: skip
def test_one_thing_given_in_two_ways_is_a_fault_that_names_both(
    arguments: dict[str, Any], first: str, second: str
) -> None:
    assert refusal(**arguments) == [f"{first}: is given as {second} too; give one of them"]


def test_a_conversion_type_is_only_for_the_default_type() -> None:
    """ "Only applicable if the default conversion event type is provided"."""
    assert fields(transaction(event_type="conversion", conversion_type="signup")) == {"conversiontype": "signup"}
    with pytest.raises(InvalidEvent, match=r"^conversion_type: is only for events of the type conversion"):
        transaction(event_type="booking", conversion_type="signup")


@pytest.mark.parametrize(
    "spelling", [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", f"x{CARD}", "4111/1111 11111111"]
)
@pytest.mark.parametrize(
    "arguments",
    [
        lambda card: {"payment": Payment(card_bin=card)},
        lambda card: {"payment": Payment(type=card)},
        lambda card: {"extra": {"ccbin": card}},
        lambda card: {"extra": {" CCBIN ": card}},
        lambda card: {"extra": {"paymenttype": card}},
    ],
)
def test_no_whole_card_number_leaves_the_shop_and_no_message_repeats_it(spelling: str, arguments: Any) -> None:
    (told,) = refusal(**arguments(spelling))
    assert "411" not in told


@given(st.text(alphabet="0123456789 -", max_size=30))
def test_a_bin_is_6_to_8_digits_or_refused(text: str) -> None:
    try:
        written = fields(sold(payment=Payment(card_bin=text))).get("ccbin", "")
    except InvalidEvent:
        written = ""
    assert not written or (6 <= len(written) <= 8 and written.isdigit())


@given(st.dates())
def test_any_day_of_birth_is_eight_digits_and_its_text_is_taken_too(day: date) -> None:
    written = fields(sold(customer=Customer(dob=day)))["dob"]
    assert written == day.isoformat().replace("-", "")
    assert fields(sold(customer=Customer(dob=written)))["dob"] == written


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_a_margin_is_never_rounded(margin: Decimal) -> None:
    written = fields(sold(margin=margin))["margin"]
    assert Decimal(written) == margin
    assert "e" not in written.lower()


@given(st.ip_addresses())
def test_any_ip_address_is_written_as_it_is(address: Any) -> None:
    assert fields(sold(device=Device(ip_address=f" {address} ")))["ipaddress"] == str(address)


def test_a_wrong_name_is_found_by_mypy_and_by_python(tmp_path: Path) -> None:
    """The fields are named, so an editor completes them and a type checker knows the wrong one."""
    with pytest.raises(TypeError, match="emial"):
        Customer(emial="a@example.com")  # type: ignore[call-arg]
    snippet = tmp_path / "shop.py"
    snippet.write_text(
        "from producers.checkout import Customer, Payment, conversion\n"
        "conversion(order_id='1', amount='1', currency='USD', customer=Customer(email='a@example.com'))\n"
        "conversion(order_id='1', amount=1.5, currency='USD')\n"
        "Customer(emial='a@example.com')\n"
        "conversion(order_id='1', amount='1', currency='USD', payment=Payment(ccbin='123456'))\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", ".mypy_cache/shop", str(snippet)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 'shop.py:3: error: Argument "amount" to "conversion" has incompatible type "float"' in done.stdout
    assert 'shop.py:4: error: Unexpected keyword argument "emial" for "Customer"; did you mean "email"?' in done.stdout
    assert 'shop.py:5: error: Unexpected keyword argument "ccbin" for "Payment"' in done.stdout
    assert "shop.py:2: " not in done.stdout
