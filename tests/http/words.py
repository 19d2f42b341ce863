"""What came of a request, in a word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from producers.destinations.answers import Answer, NoAnswer


def said(answer: Answer | NoAnswer) -> int | str:
    """The status, or the code of there being no answer."""
    return answer.status if isinstance(answer, Answer) else answer.code


def body_of(answer: Answer | NoAnswer) -> bytes:
    assert isinstance(answer, Answer), answer
    return answer.body


async def eventually(found: Callable[[], bool], within_s: float = 10) -> None:
    """Returns once it is so. For what nobody tells."""
    ends = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < ends, f"not within {within_s} s"
        await asyncio.sleep(0.005)
