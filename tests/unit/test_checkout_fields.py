"""Every standard field of the document has an argument of its own and is written under its exact name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from producers import Producer
from producers.checkout import (
    Address,
    Customer,
    Device,
    Item,
    Payment,
    binary,
    conversion,
    transaction,
)
from producers.connection import Connection
from producers.destinations import DESTINATIONS
from producers.settings import BatchSettings, BufferSettings
from tests.unit.test_checkout import fields, sold

HASH = "fab1e2e699b3b927cbf875046a64f2225df02d5cb306f3857424c2bbb87be61f"

# In the document's order: name, the arguments that say it, what is written. Its own examples, where it has some.
STANDARD: list[tuple[str, dict[str, Any], str]] = [
    ("email", {"customer": Customer(email=" John@Example.com ")}, "john@example.com"),
    ("emailsha256", {"customer": Customer(email_sha256=HASH.upper())}, HASH),
    ("passbackconversiontrackingid", {"passback_conversion_tracking_id": "1bc29b36f623"}, "1bc29b36f623"),
    ("amount", {"amount": Decimal("100.25")}, "100.25"),
    ("currency", {"currency": " usd "}, "USD"),
    ("quantity", {"quantity": 4}, "4"),
    ("conversiontype", {"conversion_type": "seatupgrade"}, "seatupgrade"),
    ("productname", {"product": "Maroon 5 t-shirt"}, "Maroon 5 t-shirt"),
    ("sku", {"items": [Item(sku="tshirt-blue-39487")]}, "tshirt-blue-39487"),
    ("paymenttype", {"payment": Payment(type="American Express")}, "American Express"),
    ("ccbin", {"payment": Payment(card_bin="123456")}, "123456"),
    ("margin", {"margin": 10}, "10"),
    ("transactionid", {"transaction_id": "ABC789"}, "ABC789"),
    ("confirmationref", {"order_id": "XYZ123"}, "XYZ123"),
    ("firstname", {"customer": Customer(first_name="John ")}, "John"),
    ("firstnamesha256", {"customer": Customer(first_name_sha256=HASH)}, HASH),
    ("lastname", {"customer": Customer(last_name="Smith")}, "Smith"),
    ("lastnamesha256", {"customer": Customer(last_name_sha256=HASH)}, HASH),
    ("mobile", {"customer": Customer(mobile="+1 (323) 867-5309")}, "+1 (323) 867-5309"),
    ("mobilesha256", {"customer": Customer(mobile_sha256=HASH)}, HASH),
    ("ipaddress", {"device": Device(ip_address="172.3.51.182")}, "172.3.51.182"),
    ("ipaddresssha256", {"device": Device(ip_address_sha256=HASH)}, HASH),
    ("useragent", {"device": Device(user_agent="Mozilla/5.0 (Windows NT 6.1)")}, "Mozilla/5.0 (Windows NT 6.1)"),
    ("DeviceType", {"device": Device(type="Tablet")}, "Tablet"),
    ("os", {"device": Device(os="iOS")}, "iOS"),
    ("osversion", {"device": Device(os_version="8.1")}, "8.1"),
    ("browser", {"device": Device(browser="Safari")}, "Safari"),
    ("browserversion", {"device": Device(browser_version="11.1")}, "11.1"),
    ("title", {"customer": Customer(title=" Ms ")}, "Ms"),
    ("gender", {"customer": Customer(gender="Female")}, "Female"),
    ("dob", {"customer": Customer(dob=date(1985, 12, 20))}, "19851220"),
    ("age", {"customer": Customer(age=33)}, "33"),
    ("language", {"language": "en-US"}, "en-US"),
    ("unitno", {"customer": Customer(address=Address(unit="Unit A"))}, "Unit A"),
    ("address1", {"customer": Customer(address=Address(line1="123 Sesame St"))}, "123 Sesame St"),
    ("address2", {"customer": Customer(address=Address(line2="Alphabet Boulevard"))}, "Alphabet Boulevard"),
    ("zipcode", {"customer": Customer(address=Address(zip_code="SW1W 0DT"))}, "SW1W 0DT"),
    ("city", {"customer": Customer(address=Address(city="San Francisco"))}, "San Francisco"),
    ("state", {"customer": Customer(address=Address(state="CA"))}, "CA"),
    ("country", {"customer": Customer(address=Address(country="United States"))}, "United States"),
]
NAMES = [name for name, _, _ in STANDARD]
EVERYTHING: dict[str, Any] = {
    "order_id": "XYZ123",
    "amount": "100.25",
    "currency": "USD",
    "margin": "10",
    "transaction_id": "ABC789",
    "conversion_type": "signup",
    "passback_conversion_tracking_id": "1bc29b36f623",
    "language": "en",
    "items": [Item(name="t-shirt", sku="230847", quantity=2)],
    "customer": Customer(
        email="john@example.com",
        first_name="John",
        last_name="Smith",
        mobile="3053211654",
        title="Mr",
        gender="M",
        dob="19851220",
        age=40,
        address=Address(
            unit="A", line1="123 Sesame St", line2="x", zip_code="90210", city="Here", state="CA", country="US"
        ),
    ),
    "payment": Payment(type="VISA", card_bin="12345678"),
    "device": Device(
        ip_address="2001:db8::1",
        user_agent="Mozilla",
        type="Desktop",
        os="iOS",
        os_version="8",
        browser="Safari",
        browser_version="11",
    ),
    "metadata": {"sourceServer": "192.0.0.1"},
}


def producer() -> Producer:
    batches = {
        name: BatchSettings(max_events=to.max_events, max_bytes=to.max_bytes) for name, to in DESTINATIONS.items()
    }
    return Producer(BufferSettings(), batches, cast("Connection", None))


def checked(event: dict[str, Any]) -> str:
    """The id that a producer gives the event. Raises `InvalidEvent` if it would refuse it."""
    return producer().check({"destination": "event-api", "account": "12345", "event": event})


@pytest.mark.parametrize(("name", "arguments", "written"), STANDARD, ids=NAMES)
def test_each_standard_field_is_written_under_its_exact_name(
    name: str, arguments: dict[str, Any], written: str
) -> None:
    """By `conversion` and by `transaction` alike; where it is given alone, nothing else comes along but a count."""
    assert fields(sold(**arguments))[name] == written
    alone = fields(transaction(event_type="conversion", **arguments))
    assert alone[name] == written
    assert set(alone) <= {name, "quantity"}


def test_the_list_is_the_documents() -> None:
    assert len(NAMES) == len(set(NAMES)) == 40
    assert NAMES[0] == "email"
    assert NAMES[-1] == "country"


def test_all_of_it_at_once_is_taken_by_the_producer() -> None:
    event = conversion(event_id="e-1", **EVERYTHING)
    assert set(NAMES) - set(fields(event)) == {name for name in NAMES if name.endswith("sha256")}
    assert event["metaData"] == [{"name": "sourceServer", "value": "192.0.0.1"}]
    assert checked(event) == "e-1"


def test_an_event_of_an_agreed_type_needs_nothing_else() -> None:
    """What anomaly detection looks at is agreed with Rokt, not written in the document."""
    event = transaction(event_type="booking")
    assert event == {"eventType": "booking", "objectData": []}
    assert checked(event)
    more = transaction(event_type="booking", **{**EVERYTHING, "conversion_type": None})
    assert more["eventType"] == "booking"
    assert fields(more)["confirmationref"] == "XYZ123"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_what_a_form_left_blank_is_left_out(blank: str) -> None:
    """Of every text of the customer, the address, the payment and the device; and nothing empty is ever written."""
    texts: dict[str, Any] = {name: blank for name in Customer.__slots__ if name not in ("age", "address")}
    event = sold(
        customer=Customer(**texts, address=Address(**dict.fromkeys(Address.__slots__, blank))),
        payment=Payment(type=blank, card_bin=blank),
        device=Device(**dict.fromkeys(Device.__slots__, blank)),
        items=[],
        language=blank,
        transaction_id=blank,
        product=blank,
    )
    assert fields(event) == {"amount": "85.00", "currency": "USD", "confirmationref": "o-1"}


@pytest.mark.parametrize(
    ("items", "written"),
    [
        ([Item(name="a", sku="1"), Item(name="b", sku="2")], {"productname": "a,b", "quantity": "2"}),
        (
            [Item(name="a", sku="1"), Item(name="a", sku="1", quantity=3)],
            {"sku": "1", "productname": "a,a", "quantity": "4"},
        ),
        ([Item(name="a", sku="1"), Item(name="b")], {"productname": "a,b", "quantity": "2"}),
        ([Item(name="T-shirt, blue"), Item(name=" hat ")], {"productname": "T-shirt blue,hat", "quantity": "2"}),
        ([Item(sku="1", quantity=0)], {"sku": "1", "quantity": "0"}),
        ((Item(name="a"),), {"productname": "a", "quantity": "1"}),
    ],
)
def test_several_items_are_one_product_list_one_sum_and_one_sku_or_none(items: Any, written: dict[str, str]) -> None:
    """ "Only accepts one SKU"; a comma parts the names of products, so a name keeps none of its own."""
    assert {
        name: value for name, value in fields(sold(items=items)).items() if name in ("productname", "sku", "quantity")
    } == written


def test_metadata_is_a_name_and_a_value() -> None:
    event = sold(metadata={"sourceServer": "1", "build": "7"})
    assert event["metaData"] == [{"name": "sourceServer", "value": "1"}, {"name": "build", "value": "7"}]
    assert "metaData" not in sold(metadata={})
    assert checked(event)


def test_bytes_become_base64() -> None:
    """ "For binary value encode with Base64"."""
    assert binary(b"\x00\xff") == "AP8="
    assert checked(sold(extra={"receipt": binary(bytes(range(256)))}))


def test_the_text_form_of_a_customer_shows_nothing_of_the_customer() -> None:
    """It may end up in a log or a traceback."""
    customer = Customer(email="john@example.com", age=33, address=Address(city="Springfield"))
    assert repr(customer) == "Customer(email=…, age=…, address=…)"
    assert str(Payment(card_bin="123456")) == "Payment(card_bin=…)"
