"""`manage.py forwarder_outbox`: sends what waits in the outbox."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from producers.contrib.django.flushing import flush, refused

SHOWN = 20  # refused rows that are named


class Command(BaseCommand):
    help = "Sends what waits in the outbox, oldest first. Exit status 1 if something is left there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="go on, and look again after so long")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="the outbox of this database")
        parser.add_argument("--again", action="store_true", help="try also what was refused before")

    def handle(self, *_: Any, watch: float | None, database: str, again: bool, **__: Any) -> None:
        if again:
            refused(database).update(refused=False)
        if watch is None:
            self._once(database)
            return
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        told = ""
        while not ended.is_set():
            told = self._again(database, told)
            ended.wait(watch)

    def _again(self, database: str, told: str) -> str:
        """Says what is left, if that is not what was told before; gives it."""
        try:
            self._once(database, quiet=True)
        except CommandError as error:
            if str(error) != told:
                self.stderr.write(str(error))
            return str(error)
        return ""

    def _once(self, database: str, *, quiet: bool = False) -> None:
        """Raises `CommandError` that says what is left."""
        accepted = kept = 0
        failure = ""
        for flushed in flush(database):
            accepted, kept, failure = accepted + flushed.accepted, kept + flushed.kept, flushed.failure
        if accepted or not quiet:
            self.stdout.write(f"{accepted} accepted")
        if told := [*_refused(database), *_waiting(kept, failure)]:
            raise CommandError("\n".join(told))


def _refused(database: str) -> list[str]:
    rows = refused(database)
    named = [f"{row.pk} {row}: {row.last_error}" for row in rows[:SHOWN]]
    return (
        [*named, f"{rows.count()} refused: they stay until they are deleted, or accepted with --again"] if named else []
    )


def _waiting(kept: int, failure: str) -> list[str]:
    return [f"{kept} not accepted now{': ' * bool(failure)}{failure}"] if kept else []
