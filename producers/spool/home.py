"""Where the events of a spool file belong: the buffer of one key prefix in one Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from producers.redis_url import fingerprint, parse_redis_url
from producers.settings import BufferSettings


class Home(NamedTuple):
    """`redis`: the fingerprint of its address; empty for any."""

    prefix: str
    redis: str

    def foreign(self, about: Mapping[str, str]) -> str:
        """Why a file is not for us; empty if it is. An older one does not say for which Redis it is."""
        if (theirs := about.get("prefix", self.prefix)) != self.prefix:
            return f"its events are for FORWARDER_KEY_PREFIX={theirs}"
        if self.redis and about.get("redis", self.redis) != self.redis:
            return "its events are for another Redis; forwarder spool flush --other-redis brings them here"
        return ""


def home_of(buffer: BufferSettings) -> Home:
    return Home(buffer.key_prefix, fingerprint(parse_redis_url(buffer.redis_url)))
