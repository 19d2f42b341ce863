"""A process is killed while it sees to the access token of its fleet: events of an app's account, over OAuth 2.0."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from tests.apis.support import booking
from tests.chaos.kills.ground import BATCH
from tests.chaos.kills.scenes import Scene
from worker.access.tokens import LOCK_S

WITHIN_S = LOCK_S - 5  # a waiting worker gives up later; the lock of a dead one ends at once here


class Token(Scene):
    """There is none yet. It is fetched a second time only if the first one was given out and not kept."""

    kind = "app"
    given = 1
    lost = frozenset({("before", "token keep"), ("after", "token request"), ("after", "post")})

    def go_on(self) -> None:
        self.on.shorten(f"{self.place}:lock", LOCK_S)
        self.on.lapse()
        self.on.go_on(WITHIN_S)

    def at_the_end(self) -> None:
        again = (self.moment, self.name) in self.lost
        assert self.on.rokt.given(self.account) == self.given + again

    @property
    def place(self) -> str:
        """Of the app, which is named after its account."""
        return f"{self.on.prefix}:oauth:{{{sha256(self.account.encode()).hexdigest()[:32]}}}"


class TokenAway(Token):
    """The first question fails."""

    def prepare(self) -> None:
        super().prepare()
        match: dict[str, Any] = {"path": "/auth/oauth2/token", "account": self.account}
        self.on.rokt.faults({"status": 503, "times": 1, "match": match})


class TokenRevoked(Token):
    """There is one, which is refused."""

    given = 2

    def prepare(self) -> None:
        super().prepare()
        self.on.go_on()
        self.on.rokt.oauth(revoke=True)
        later = [booking(number) for number in range(BATCH)]
        self.expected += self.on.enqueue(self.destination, self.account, later)
