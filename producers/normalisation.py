"""How Rokt wants personal fields before they are sent or hashed.

Source: event-api.txt, "Standard objectData fields"; custom-audience-import-api.txt, "Request Body".
"""

from __future__ import annotations

import re
from hashlib import sha256
from ipaddress import ip_address

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")


def normalised_email(address: str) -> str:
    """Trimmed and lowercased. Raises ValueError for what is no address."""
    plain = address.strip().lower()
    if len(plain) > 320 or not _ADDRESS.fullmatch(plain):
        hint = ": it is a SHA-256 already" if is_sha256(plain) else ""
        raise ValueError(f"is not an e-mail address{hint}")
    return plain


def normalised_sha256(digest: str) -> str:
    """A SHA-256 in lowercase hexadecimal digits. Raises ValueError for anything else, a plain address above all."""
    plain = digest.strip().lower()
    if not is_sha256(plain):
        hint = ": it is a plain address" if "@" in plain else ""
        raise ValueError(f"must be 64 hexadecimal digits{hint}")
    return plain


def is_sha256(text: str) -> bool:
    return bool(_SHA256.fullmatch(text))


def hashed_email(address: str) -> str:
    """The SHA-256 of an address, normalised first. A SHA-256 stays as it is: nothing is hashed twice."""
    plain = address.strip().lower()
    return plain if is_sha256(plain) else sha256(normalised_email(plain).encode()).hexdigest()


def hashed_name(name: str) -> str:
    """The SHA-256 of a first or last name: lowercased and trimmed. Raises ValueError for an empty one."""
    plain = name.strip().lower()
    if not plain:
        raise ValueError("is empty")
    return plain if is_sha256(plain) else sha256(plain.encode()).hexdigest()


def normalised_mobile(number: str) -> str:
    """As the document wants it before hashing: `5551234567`, digits alone.

    A leading `+1` is left out, as in the document's example; another country's code stays. Raises ValueError for a
    number with letters in it, or of fewer than 5 or more than 15 digits.
    """
    digits = re.sub(r"[\s().\-/]", "", number)
    national = digits[2:] if re.fullmatch(r"\+1\d{10}", digits) else digits.removeprefix("+")
    if not re.fullmatch(r"\d{5,15}", national, re.ASCII):
        raise ValueError("is not a mobile number")
    return national


def hashed_mobile(number: str) -> str:
    """The SHA-256 of a mobile number, normalised first. Raises ValueError for what is none."""
    plain = number.strip().lower()
    return plain if is_sha256(plain) else sha256(normalised_mobile(plain).encode()).hexdigest()


def normalised_ip_address(address: str) -> str:
    """Version 4 as it is; version 6 in small letters and its shortest form. Raises ValueError for what is neither.

    The document says nothing of it; so one address has one hash. An address of version 4 in the clothes of version 6
    (`::ffff:192.0.2.1`) is that of version 4.
    """
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        raise ValueError("is not an IP address") from None
    if parsed.version == 6:
        if parsed.scope_id is not None:
            raise ValueError("is an IP address of one network interface alone")
        parsed = parsed.ipv4_mapped or parsed
    return str(parsed)


def hashed_ip_address(address: str) -> str:
    """The SHA-256 of an IP address, normalised first. Raises ValueError for what is none."""
    plain = address.strip().lower()
    return plain if is_sha256(plain) else sha256(normalised_ip_address(plain).encode()).hexdigest()
