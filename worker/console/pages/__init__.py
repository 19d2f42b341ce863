"""The pages, by topic."""

from starlette.routing import BaseRoute

from worker.console.pages import (
    accounts,
    audit,
    discarding,
    editing,
    events,
    letter,
    letters,
    metrics,
    overview,
    replaying,
    replays,
    signing,
)

TOPICS = (signing, overview, accounts, letters, discarding, replaying, editing, letter, replays, events, audit, metrics)
ROUTES: list[BaseRoute] = [route for topic in TOPICS for route in topic.ROUTES]
