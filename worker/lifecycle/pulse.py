"""Whether the worker's consumer really runs: the time at which its own event loop last came by, connected."""

from __future__ import annotations

import math
import time

YOUNG_S = 3.0


class Pulse:
    """Beaten by the consumer's loop, felt by the dispatcher's thread."""

    def __init__(self) -> None:
        self._at = -math.inf
        self.lasts_s = YOUNG_S

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def felt(self) -> bool:
        return time.monotonic() - self._at < self.lasts_s


PULSE = Pulse()  # this worker's
