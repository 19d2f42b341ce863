"""What the APIs of one sandbox remember and share, besides what the recorder notes of every request."""

from __future__ import annotations

from dataclasses import dataclass, field

from .audience_lists import AudienceLists
from .credentials import Credentials
from .idempotency import IdempotencyKeys
from .oauth import Tokens
from .query_accounts import QueryAccounts


@dataclass(slots=True)
class State:
    """One sandbox's."""

    credentials: Credentials
    tokens: Tokens = field(default_factory=Tokens)
    keys: IdempotencyKeys = field(default_factory=IdempotencyKeys)
    lists: AudienceLists = field(default_factory=AudienceLists)
    accounts: QueryAccounts = field(default_factory=QueryAccounts)

    def forget(self) -> None:
        """Forget what came of requests; what was set stays, and tokens that clients may hold."""
        self.tokens.forget()
        self.keys.forget()
        self.lists.forget()

    def clear(self) -> None:
        """Forget what was set, too, and end all tokens."""
        self.credentials.replace(None)
        self.tokens.clear()
        self.accounts.replace(None)
