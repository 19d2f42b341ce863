"""What a page says was done: a word and a number of its address, never a text that somebody else put there."""

from __future__ import annotations

import re

_NOTES = {
    "discarded": "{} discarded",
    "anew": "{} messages were enqueued anew",
    "nothing": "nothing was left to replay",
    "edited": "edited; it is not sent before it is replayed",
}
_DONE = re.compile(r"([a-z]+)-([0-9]{1,12})")


def done(what: str, count: int = 0) -> dict[str, str]:
    """The parameter of an address."""
    return {"done": f"{what}-{count}"}


def note_of(text: str) -> str:
    """The sentence that the parameter stands for; empty for what `done` does not give."""
    found = _DONE.fullmatch(text)
    return _NOTES.get(found[1], "").format(f"{int(found[2]):,}") if found else ""
