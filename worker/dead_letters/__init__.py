"""The dead-letter queues: what did not reach Rokt, why, and what operators do with it."""

from worker.dead_letters.editing import Change, Editor, NotEdited, Opened
from worker.dead_letters.filter import Cursor, Filter, Place
from worker.dead_letters.letter import Letter
from worker.dead_letters.queues import DeadLetters
from worker.dead_letters.replaying import Replayed

__all__ = [
    "Change",
    "Cursor",
    "DeadLetters",
    "Editor",
    "Filter",
    "Letter",
    "NotEdited",
    "Opened",
    "Place",
    "Replayed",
]
