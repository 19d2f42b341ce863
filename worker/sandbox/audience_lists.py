"""Who is a member of which custom audience list, after includes and excludes in the order they came."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .api import Counted

Action: TypeAlias = Literal["include", "exclude"]


@dataclass(slots=True)
class _Members:
    now: set[str] = field(default_factory=set)
    ever: dict[Action, set[str]] = field(default_factory=lambda: {"include": set(), "exclude": set()})


class AudienceLists:
    """Every account's lists. The sets share their strings: a million hashes need about 250 MB."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lists: dict[str, dict[str, _Members]] = {}

    def apply(self, account: str, name: str, action: Action, addresses: list[str]) -> Counted:
        """Take addresses in or out. Distinct are those that this list was never told to take in (or out) before."""
        members = self._lists.setdefault(account, {}).setdefault(name, _Members())
        ever = members.ever[action]
        known = len(ever)
        ever.update(addresses)
        if action == "include":
            members.now.update(addresses)
        else:
            members.now.difference_update(addresses)
        return Counted(len(addresses), len(ever) - known)

    def members(self, account: str | None, name: str | None) -> Iterator[tuple[str, str, Set[str]]]:
        """Account, name and members of each list that was ever named; None: of all."""
        for owner, lists in self._lists.items():
            for list_name, members in lists.items():
                if account in (None, owner) and name in (None, list_name):
                    yield owner, list_name, members.now
