"""Pages from templates: everything escaped, and what cannot be seen made visible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from producers.destinations import DESTINATIONS
from worker.console import text

NAVIGATION = (
    ("/", "Destinations"),
    ("/accounts", "Accounts"),
    ("/dead-letters", "Dead letters"),
    ("/replays", "Replays"),
    ("/events", "Find an event"),
    ("/audit", "Audit"),
)


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for who is signed in, or for who is not yet."""
    session, access = getattr(request.state, "session", None), request.app.state.access
    shared = {
        "session": session,
        "csrf": access.form_token(session) if session else "",
        "navigation": NAVIGATION,
        "here": request.url.path,
        "current": _address_of(request),
        "toggle": _address_of(request, refresh="" if request.query_params.get("refresh") == "off" else "off"),
        "destinations": tuple(DESTINATIONS),
        "flower_url": request.app.state.flower_url,
    }
    return HTMLResponse(TEMPLATES.get_template(template).render({**shared, **context}), status)


def address(path: str, parameters: Mapping[str, Any]) -> str:
    """With the parameters that say something."""
    said = {name: value for name, value in parameters.items() if value not in (None, "", ())}
    return f"{path}?{urlencode(said, doseq=True)}" if said else path


def _address_of(request: Request, **changed: str) -> str:
    """Of this page."""
    return address(request.url.path, {**request.query_params, **changed})


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("worker.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: text.visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        as_is=lambda value: Markup(escape(value)),  # noqa: S704 - escaped; of an input, which must not be changed
        json=text.exact,
        json_field=lambda value: Markup(escape(text.exact(value))),  # noqa: S704 - the same
        pretty=text.pretty,
        short=text.shorten,
        number=text.number,
        counted=lambda value, noun: f"{text.number(value)} {noun}{'' if value == 1 else 's'}",
        duration=text.duration,
        clock=text.clock,
        moment=text.day_and_clock,
        segment=lambda value: quote(str(value), safe=""),
    )
    made.globals.update(address=address)
    return made


TEMPLATES = _environment()
