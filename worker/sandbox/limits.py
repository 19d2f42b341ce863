"""Rate and concurrency limits, off unless set. They count for each API and account alone.

Custom Audience Import, Limits: 4 per second, 4 at once. A request above a limit gets 429 and does not count.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TypeAlias

from .api import Json
from .fault_fields import whole

_MAXIMUM = 100_000
_KEPT_S = 10.0  # longer than any body takes to arrive: requests are let in at their end, and counted by their start

_Place: TypeAlias = tuple[str, str]


class InvalidLimits(ValueError):
    """A setting is not `{api: {"per_second", "concurrency"}}`; the text says where."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most requests that arrive in any second, and that are under way at once; None: no limit."""

    per_second: int | None = None
    concurrency: int | None = None


class Limits:
    """The limits in force, and what is counted for them."""

    def __init__(self, apis: Collection[str]) -> None:
        self._apis = frozenset(apis)
        self._limits: Mapping[str, Limit] = {}
        self._under_way: Counter[_Place] = Counter()
        self.forget()

    def forget(self) -> None:
        """Forget which requests arrived; those that are under way still are."""
        self._arrivals: defaultdict[_Place, list[float]] = defaultdict(list)

    def replace(self, value: Json) -> None:
        """Take new limits instead of all the old ones; raises `InvalidLimits` and then keeps the old ones."""
        if not isinstance(value, dict):
            raise InvalidLimits("must be an object of APIs")
        if unknown := value.keys() - self._apis:
            raise InvalidLimits(f"{min(unknown)}: is no API; there are {', '.join(sorted(self._apis))}")
        self._limits = {api: _limit(api, item) for api, item in value.items()}
        self.forget()

    def as_json(self) -> dict[str, Json]:
        return {api: asdict(limit) for api, limit in self._limits.items()}

    @contextmanager
    def enter(self, api: str, account: str | None, arrived: float) -> Iterator[bool]:
        """For the time of one request that came at this second: whether it is within the limits."""
        place = (api, account or "")
        let_in = account is None or self._within(self._limits.get(api, Limit()), place, arrived)
        self._under_way[place] += let_in
        try:
            yield let_in
        finally:
            self._under_way[place] -= let_in
            if not self._under_way[place]:
                del self._under_way[place]

    def _within(self, limit: Limit, place: _Place, arrived: float) -> bool:
        if limit.concurrency is not None and self._under_way[place] >= limit.concurrency:
            return False
        return limit.per_second is None or _fits(self._arrivals[place], arrived, limit.per_second)


def _fits(arrivals: list[float], arrived: float, most: int) -> bool:
    """Add an arrival to the sorted ones, unless some second would then hold more than `most`."""
    del arrivals[: bisect(arrivals, arrived - _KEPT_S)]
    at = bisect(arrivals, arrived)
    near = [*arrivals[max(0, at - most) : at], arrived, *arrivals[at : at + most]]
    if any(last - first < 1 for first, last in zip(near, near[most:], strict=False)):
        return False
    insort(arrivals, arrived)
    return True


def _limit(api: str, value: Json) -> Limit:
    if not isinstance(value, dict) or not value.keys() <= {"per_second", "concurrency"}:
        raise InvalidLimits(f"{api}: must be an object of per_second and concurrency")
    return Limit(_number(api, value, "per_second"), _number(api, value, "concurrency"))


def _number(api: str, value: Mapping[str, Json], name: str) -> int | None:
    if value.get(name) is None:
        return None
    try:
        return whole(value[name], 1, _MAXIMUM)
    except ValueError as fault:
        raise InvalidLimits(f"{api}.{name}: {fault}") from fault
