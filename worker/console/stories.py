"""What became of an accepted event, as the console tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from producers.clock import rfc3339
from worker.events.lookup import Found
from worker.events.story_words import fate, way


class Story(NamedTuple):
    """An accepted event. `state`: what became of it; `lines`: how it came to that, oldest first."""

    destination: str
    event_type: str
    state: str
    lines: tuple[str, ...]


def story(found: Found) -> Story:
    """Sentences of it."""
    return Story(found.destination, found.event_type, _sentence(fate(found)), tuple(map(_sentence, _lines(found))))


def _lines(found: Found) -> Iterator[str]:
    yield f"accepted between {rfc3339(found.since)} and {rfc3339(found.until)}"
    opened = f", which was opened {rfc3339(found.opened)}" if found.opened else ""
    went = "was replayed" if found.replayed else "went"
    lines = list(way(found))
    before = sum(each.at < found.opened for each in found.attempts) if found.replayed else 0
    yield from [*lines[:before], f"{went} into batch {found.batch}{opened}", *lines[before:]]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
