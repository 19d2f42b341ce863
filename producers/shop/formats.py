"""How each kind of field is written. Source: event-api.txt, "Standard objectData fields".

Every function takes what a shop has and gives the text for Rokt; "" where nothing is left to say, as of a blank form.
Each raises ValueError in words that never repeat the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from producers.normalisation import normalised_email, normalised_ip_address, normalised_mobile, normalised_sha256

Form = Callable[[object], str]
_LONGEST_NUMBER = 1000  # digits before or behind the point: a short text may stand for a number that fills the memory
_MOST_DIGITS_OF_A_CARD = 8


def text(value: object) -> str:
    """Trimmed, and else as it is."""
    if not isinstance(value, str):
        raise ValueError(f"expected str, got {type(value).__name__}")
    return value.strip()


def unchanged(value: object) -> str:
    """Whatever it is: the destination says what is wrong with it."""
    return value  # type: ignore[return-value]


def needed(value: object) -> str:
    """As it is, and never blank."""
    if not text(value):
        raise ValueError("is empty")
    return str(value)


def email(value: object) -> str:
    """Trimmed and lowercased."""
    plain = text(value)
    return normalised_email(plain) if plain else ""


def sha256(value: object) -> str:
    plain = text(value)
    return normalised_sha256(plain) if plain else ""


def mobile(value: object) -> str:
    """As it was written: the document shows `3053211654` and `+1 (323) 867-5309`."""
    plain = text(value)
    if plain:
        normalised_mobile(plain)
    return plain


def ip_address(value: object) -> str:
    """Version 4 or 6, as it was written."""
    plain = text(value)
    if plain:
        normalised_ip_address(plain)
    return plain


def decimal(value: object) -> str:
    """Plain digits with a decimal point: never an exponent, never a float's rounding."""
    if isinstance(value, float):
        raise ValueError("give a Decimal, an int or a str; a float is not exact")
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise ValueError(f"expected Decimal, int or str, got {type(value).__name__}")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise ValueError("is not a number") from None
    if not number.is_finite():
        raise ValueError("is not a finite number")
    if abs(number.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(f"has more than {_LONGEST_NUMBER} digits")
    return f"{number:f}"


def currency(value: object) -> str:
    """Three letters, in capitals. The document says "Currency code"; that is the form of ISO 4217, not its list."""
    plain = text(value)
    if not re.fullmatch(r"[A-Za-z]{3}", plain):
        raise ValueError("must be three letters, like USD")
    return plain.upper()


def count(value: object) -> str:
    """A whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected int, got {type(value).__name__}")
    if value < 0:
        raise ValueError("must not be negative")
    return decimal(value)


def age(value: object) -> str:
    """In years, 0 to 150."""
    written = count(value)
    if len(written) > 3 or int(written) > 150:
        raise ValueError("must be 0 to 150")
    return written


def birthday(value: object) -> str:
    """`yyyymmdd`, of a date or of such a text. A datetime is refused: in another time zone it is another day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.strftime("%Y%m%d").rjust(8, "0")
    if not isinstance(value, str):
        raise ValueError(f"expected a date or yyyymmdd, got {type(value).__name__}")
    plain = value.strip()
    if not plain:
        return ""
    try:
        if re.fullmatch(r"[0-9]{8}", plain):
            date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
            return plain
    except ValueError:
        pass
    raise ValueError("must be a real date as yyyymmdd")


def card_bin(value: object) -> str:
    """The first 6 to 8 digits of a card's number: no more of it may leave the shop."""
    plain = text(value)
    if plain and not re.fullmatch(r"[0-9]{6,8}", plain):
        raise ValueError("must be the first 6 to 8 digits of the card's number and nothing more of it")
    return plain


def payment_type(value: object) -> str:
    """Free text, but no card's number."""
    plain = text(value)
    if sum(character.isdigit() for character in plain) > _MOST_DIGITS_OF_A_CARD:
        raise ValueError("holds as many digits as a card's number")
    return plain


def sku(value: object) -> str:
    """One alone: the document takes no list."""
    plain = text(value)
    if "," in plain:
        raise ValueError("must be one SKU, without a comma; give each item its own")
    return plain


def product_name(value: object) -> str:
    """Without commas, which part the names of several items."""
    plain = text(value)
    return " ".join(plain.replace(",", " ").split()) if "," in plain else plain
