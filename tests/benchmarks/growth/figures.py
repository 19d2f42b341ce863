"""How lists of times are told."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(times: Sequence[float], share: float) -> float:
    """The nearest of the times themselves, so that p99 of few is their longest."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def told(times: Sequence[float], *shares: int) -> dict[str, float]:
    """Percentiles and the longest: `p50`, …, `max`."""
    return {f"p{share}": round(quantile(times, share / 100), 1) for share in shares} | {"max": round(max(times), 1)}
