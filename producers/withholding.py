"""Keeps what may not be sent out of everything that stores events."""

from __future__ import annotations

from collections.abc import Sequence

from producers.accepted import Fate
from producers.appender import Appender
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
        fates = iter(self._inner.append(allowed) if allowed else ())
        if len(allowed) < len(made):
            self._inner.withhold([each for each in made if each.withheld])
        return [Fate.WITHHELD if each.withheld else next(fates) for each in made]

    def withhold(self, made: Sequence[Made]) -> None:
        self._inner.withhold(made)

    def close(self) -> None:
        self._inner.close()
