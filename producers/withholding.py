"""Keeps what may not be sent out of everything that stores events."""

from __future__ import annotations

from collections.abc import Sequence

from producers.accepted import Fate, Told
from producers.appender import Appender, append_each
from producers.errors import EnqueueFailed
from producers.keys import Slot
from producers.preparer import Made


class WithholdingAppender:
    """Passes on what may be sent. The rest is counted as discarded, and is stored nowhere."""

    def __init__(self, inner: Appender) -> None:
        self._inner = inner

    def slot_of(self, made: Made) -> Slot:
        return self._inner.slot_of(made)

    def append(self, made: Sequence[Made]) -> list[Fate]:
        allowed = [each for each in made if not each.withheld]
        return self._with_withheld(made, self._inner.append(allowed) if allowed else [])

    def append_each(self, groups: Sequence[Sequence[Made]]) -> list[Told]:
        allowed = [[each for each in made if not each.withheld] for made in groups]
        given = iter(append_each(self._inner, [made for made in allowed if made]))
        told: list[Told] = [next(given) if made else [] for made in allowed]
        return [
            each if isinstance(each, EnqueueFailed) else self._with_withheld(made, each)
            for made, each in zip(groups, told, strict=True)
        ]

    def withhold(self, made: Sequence[Made]) -> None:
        self._inner.withhold(made)

    def close(self) -> None:
        self._inner.close()

    def _with_withheld(self, made: Sequence[Made], of_others: Sequence[Fate]) -> list[Fate]:
        fates = iter(of_others)
        if len(of_others) < len(made):
            self._inner.withhold([each for each in made if each.withheld])
        return [Fate.WITHHELD if each.withheld else next(fates) for each in made]
