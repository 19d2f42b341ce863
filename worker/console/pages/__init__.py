"""The pages, by topic."""

from starlette.routing import BaseRoute

from worker.console.pages import accounts, audit, discarding, events, letter, letters, overview, signing

ROUTES: list[BaseRoute] = [
    route
    for topic in (signing, overview, accounts, letters, discarding, letter, events, audit)
    for route in topic.ROUTES
]
