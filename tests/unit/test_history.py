"""What an event remembers stays within its bound, and never loses how it was enqueued."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.history import EDITS_KEPT, HISTORY_KEPT, added, edits, original


def made(kinds: list[bool]) -> tuple[dict[str, Any], ...]:
    """An entry each: an edit, or a death; numbered."""
    history: tuple[dict[str, Any], ...] = ()
    for number, is_edit in enumerate(kinds):
        entry = {"edited": {"original": number}} if is_edit else {"reasons": [number]}
        history = added(history, entry)
    return history


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_first_edit_and_the_newest_entries_stay(kinds: list[bool]) -> None:
    history = made(kinds)
    told = [number for number, is_edit in enumerate(kinds) if is_edit]
    assert len(history) <= HISTORY_KEPT
    assert len(edits(history)) <= EDITS_KEPT
    assert original(history, "now") == (told[0] if told else "now")
    numbers = [entry["edited"]["original"] if "edited" in entry else entry["reasons"][0] for entry in history]
    assert numbers == sorted(numbers), "in their order"
    assert numbers[-1] == len(kinds) - 1
    deaths = [number for number, is_edit in enumerate(kinds) if not is_edit]
    assert set(deaths[-1:]) <= set(numbers), "its reasons are those of its last death"
