"""Sample events for every API, the same for the same seed: several accounts, a few faults of each kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from producers import audience, session
from producers.checkout import conversion

ACCOUNTS = ("10001", "10002", "10003", "10004", "10005")
CURRENCIES = ("USD", "EUR", "GBP", "AUD")
REFUSED_CURRENCY = "XXX"  # the sandbox is told to refuse these
PRODUCTS = ("Maroon 5 t-shirt", "Warriors vs. Raptors", "Seat upgrade", "Season ticket")


TAG = "tag-1"
LISTED = "10006"
CREDENTIALS = f"""
[accounts.10001]
public_key = "rpub-10001"
secret_key = "rsec-10001"
[accounts.10002]
public_key = "rpub-10002"
secret_key = "rsec-10002"
[accounts.10003]
public_key = "rpub-10003"
secret_key = "rsec-10003"
[accounts.10004]
public_key = "rpub-10004"
secret_key = "rsec-10004"
[accounts.10005] # the first version of the Event API: a token for app credentials
app_id = "demo-app"
app_secret = "demo-app-secret"
[accounts.{LISTED}]
public_key = "rpub-{LISTED}"
secret_key = "rsec-{LISTED}"
[accounts.{TAG}]
tag_id = "{TAG}"
client_id = "demo-client"
client_secret = "demo-client-secret"
[query]
app_id = "demo-person"
app_secret = "demo-person-secret"
"""


class Samples(NamedTuple):
    """Lines for the producer, and how many checkout events each side is meant to refuse."""

    lines: list[dict[str, Any]]
    for_the_producer: int
    for_rokt: int


def samples(count: int, seed: int = 7) -> Samples:
    """`count` good checkout events and a few bad ones among them; signals of sessions; members of lists."""
    chance = random.Random(seed)
    bad = list(_for_the_producer(chance))
    refused = [_line(chance, number, REFUSED_CURRENCY) for number in range(12)]
    lines = [_line(chance, number, chance.choice(CURRENCIES)) for number in range(count - len(refused))]
    for line in (*bad, *refused):
        lines.insert(chance.randrange(len(lines)), line)
    return Samples([*lines, *_signals(), *_members()], len(bad), len(refused))


def _signals() -> Iterator[dict[str, Any]]:
    """Three signals of each of a hundred sessions."""
    for number in range(100):
        for signal in (session.impression, session.viewed, session.response):
            event = signal(session=f"session-{number}", parent=f"creative-{number}", transaction=f"order-{number}")
            yield {"destination": "server-events", "account": TAG, "event": event}


def _members() -> Iterator[dict[str, Any]]:
    """Some hundred customers join two lists, hashed in one and plain in the other; a few leave again."""
    for number in range(300):
        event = audience.include(f"customer{number}@example.com", list_name="US_Customers", hashed=True)
        yield {"destination": "audience", "account": LISTED, "event": event}
        yield {"destination": "audience", "account": LISTED, "event": audience.include(f"c{number}@example.com")}
    for number in range(50):
        yield {"destination": "audience", "account": LISTED, "event": audience.exclude(f"c{number}@example.com")}


def _line(chance: random.Random, number: int, currency: str) -> dict[str, Any]:
    event = conversion(
        order_id=f"{currency}-{number}",
        amount=f"{chance.uniform(5, 500):.2f}",
        currency=currency,
        email=f"Customer{chance.randrange(10_000)}@example.com",
        product=chance.choice(PRODUCTS),
        quantity=chance.randint(1, 4),
    )
    return {"destination": "event-api", "account": chance.choice(ACCOUNTS), "event": event}


def _for_the_producer(chance: random.Random) -> Iterator[dict[str, Any]]:
    """One event for each kind of fault that never leaves the shop."""
    for fault in (
        {"eventTime": "2020-01-01T00:00:00Z"},
        {"eventTime": "yesterday"},
        {"eventType": ""},
        {"objectData": [{"name": "amount", "value": 12.5}]},
        {"metaData": [{"name": "rokt.source", "value": "shop"}]},
        {"clientEventId": "x" * 37},
    ):
        line = _line(chance, 0, "USD")
        yield {**line, "event": {**line["event"], **fault}}
