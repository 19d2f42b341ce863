"""Sample checkout events, the same for the same seed: several accounts, a few faults of each kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from producers.checkout import conversion

ACCOUNTS = ("10001", "10002", "10003", "10004", "10005")
CURRENCIES = ("USD", "EUR", "GBP", "AUD")
REFUSED_CURRENCY = "XXX"  # the sandbox is told to refuse these
PRODUCTS = ("Maroon 5 t-shirt", "Warriors vs. Raptors", "Seat upgrade", "Season ticket")


class Samples(NamedTuple):
    """Lines for the producer, and how many of them each side is meant to refuse."""

    lines: list[dict[str, Any]]
    for_the_producer: int
    for_rokt: int


def samples(count: int, seed: int = 7) -> Samples:
    """`count` good events, and a few bad ones among them."""
    chance = random.Random(seed)
    bad = list(_for_the_producer(chance))
    refused = [_line(chance, number, REFUSED_CURRENCY) for number in range(12)]
    lines = [_line(chance, number, chance.choice(CURRENCIES)) for number in range(count - len(refused))]
    for line in (*bad, *refused):
        lines.insert(chance.randrange(len(lines)), line)
    return Samples(lines, len(bad), len(refused))


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
