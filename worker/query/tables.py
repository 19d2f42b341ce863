"""What the Query API answers, as tables for a person: a stranger's text without markup or control characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from worker.query.model import Account, Help


def table(columns: Iterable[str], rows: Iterable[Sequence[str | None]]) -> Table:
    """The first column stays whole; elsewhere long words go on in the next line, so that an id is never cut."""
    made = Table()
    for index, column in enumerate(columns):
        made.add_column(_plain(column), overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*(_plain(cell or "") for cell in row))
    return made


def accounts_table(found: Iterable[Account]) -> Table:
    """One line an account."""
    rows = (
        (a.account_id, a.account_name, a.country_code, a.account_currency_code, a.account_timezone, a.account_owner)
        for a in found
    )
    return table(("id", "name", "country", "currency", "time zone", "owner"), rows)


def help_table(known: Help) -> Table:
    """One line a metric or dimension."""
    kinds = (("metric", known.metrics), ("dimension", known.dimensions))
    rows = [(kind, term.slug, term.description) for kind, terms in kinds for term in terms]
    return table(("kind", "name", "description"), rows)


def _plain(text: str) -> Text:
    return Text("".join(character if character.isprintable() else "?" for character in text))
