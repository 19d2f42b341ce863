"""The spool of this machine as a place where a person's events may wait."""

from __future__ import annotations

import sqlite3
from collections import Counter

from producers.errors import ConfigurationError
from producers.settings import SpoolSettings
from worker.erasure.erasure import Found, Place
from worker.erasure.person import Person

SPOOLED = "spooled"


class SpoolPlace:
    """What Redis has never had: nothing of it is in the ledger."""

    def __init__(self, settings: SpoolSettings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix

    async def find(self, person: Person) -> Found:
        return self._look(person, dry=True)

    async def erase(self, person: Person) -> Found:
        return self._look(person, dry=False)

    def _look(self, person: Person, *, dry: bool) -> Found:
        """Raises `ConfigurationError` for a folder, or a file in it, that cannot be used."""
        from producers.spool.erasing import erase  # sqlite3 comes with it
        from producers.spool.folder import Folder
        from producers.spool.status import look

        folder = Folder(self._settings.folder, self._settings.spool_max_bytes)
        try:
            found = erase(folder, self._prefix, person.is_in, dry=dry)
            unread = sum(each.state in ("corrupt", "unreadable") for each in look(folder))
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"FORWARDER_SPOOL_DIR: {folder.path}: {error}") from None
        left = Counter({("the spool", "unreadable files"): unread} if unread else {})
        return Found(Counter({(name, SPOOLED): count for name, count in found.items()}), left)


def spool_places(settings: SpoolSettings | None, prefix: str) -> list[Place]:
    """None where there is no spool."""
    return [] if settings is None else [SpoolPlace(settings, prefix)]
