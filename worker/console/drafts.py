"""Texts of the editor between a POST and the page that shows them, so that going back sends nothing again."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import NamedTuple

KEPT = 20


class Draft(NamedTuple):
    """What was written, over which version of the event, where, and in which session."""

    session: str
    address: str
    text: str
    version: str
    why: str


class Drafts:
    """The newest of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, Draft] = {}

    def keep(self, draft: Draft) -> str:
        """Gives its name."""
        name = token_urlsafe(12)
        self._kept[name] = draft
        for old in [*self._kept][:-KEPT]:
            del self._kept[old]
        return name

    def drop(self, session: str, address: str) -> None:
        """What was written there is kept elsewhere by now."""
        self._kept = {name: it for name, it in self._kept.items() if (it.session, it.address) != (session, address)}

    def find(self, name: str, session: str, address: str) -> Draft | None:
        draft = self._kept.get(name)
        return draft if draft and (draft.session, draft.address) == (session, address) else None
