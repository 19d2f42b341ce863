"""Lists of customers in a shop's words: events for `audience`. Source: custom-audience-import-api.txt."""

from __future__ import annotations

from producers.normalisation import hashed_email


def include(email: str, *, list_name: str | None = None, hashed: bool = False) -> dict[str, str]:
    """An address joins a list (the default one if none is named). `hashed`: only its SHA-256 leaves this process."""
    return _member("include", email, list_name, hashed)


def exclude(email: str, *, list_name: str | None = None, hashed: bool = False) -> dict[str, str]:
    """An address leaves a list."""
    return _member("exclude", email, list_name, hashed)


def _member(action: str, email: str, list_name: str | None, hashed: bool) -> dict[str, str]:
    address = {"sha256": hashed_email(email)} if hashed else {"email": email}
    return {**address, "action": action, **({"list": list_name} if list_name is not None else {})}
