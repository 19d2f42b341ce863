"""The kinds of credentials that an account may have. A leaf: which API uses which is said by the API."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]
HEADERS_KEPT = 1_024  # of a destination: those of so many accounts' credentials are made once


class AccountCredentials(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. Empty: the account has none of that kind."""

    public_key: Text = ""
    secret_key: Text = ""
    app_id: Text = ""
    app_secret: Text = ""
    audience_api_key: Text = ""
    tag_id: Text = ""
    client_id: Text = ""
    client_secret: Text = ""


def lacking(credentials: AccountCredentials, *names: str) -> list[str]:
    """Those of the named fields that the account has not."""
    return [name for name in names if not getattr(credentials, name)]
