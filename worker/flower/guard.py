"""Flower with one gate before all of its pages. The only module that knows how Flower is made inside.

What it needs of Flower is named in `tests/unit/test_flower_guard.py`, which fails when that is no longer so.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import flower.command
from flower.app import Flower
from flower.views import BaseHandler, broker, error, monitor, tasks, workers
from tornado.httputil import HTTPServerRequest
from tornado.options import options as flowers_options
from tornado.template import Loader, Template
from tornado.web import OutputTransform, StaticFileHandler

from producers.errors import ConfigurationError
from worker.flower import configuration
from worker.flower.logins import Role, logins
from worker.flower.showing import bare
from worker.settings import flower_settings
from worker.web.tries import Tries

_READ = ("GET", "HEAD")
OPEN = {monitor.Healthcheck: _READ}  # says OK, and nothing else
FOR_VIEWERS = OPEN | {  # anything else is for operators, what a later Flower brings included
    workers.WorkersView: _READ,
    workers.WorkerView: _READ,
    tasks.TasksView: _READ,
    tasks.TaskView: _READ,
    tasks.TasksDataTable: (*_READ, "POST"),  # the list of tasks, asked for by POST
    broker.BrokerView: _READ,
    monitor.Metrics: _READ,
    StaticFileHandler: _READ,
    error.NotFoundErrorHandler: _READ,
}
BEHIND = re.compile(r"Broker</a>\s*</li>")  # the last link of Flower's navigation
LOGS = ("tornado.access", "tornado.application", "tornado.general")
_QUERY = re.compile(r"(/[^\s?]*)\?\S+")


class GuardedFlower(Flower):  # type: ignore[misc]
    """Every request is somebody's: an operator's, a viewer's, who may only look, or refused."""

    def __init__(self, options: Any = None, **kwargs: Any) -> None:
        settings = flower_settings()
        self._logins, self._tries = logins(settings), Tries()
        options.basic_auth = self._logins.basic_auth  # Flower looks once more itself
        options.address = options.address or settings.flower_address
        kwargs["template_loader"] = _Templates(kwargs["template_path"], settings.console_url)
        super().__init__(options=options, **kwargs)
        self.add_transform(_Headers)
        on_event = self.events.on_event
        self.events.on_event = lambda event: on_event(bare(event))
        self._for_viewers = copy.copy(self)  # the same state, with options of its own
        self._for_viewers.options = _ReadOnly(self.options)

    def get_handler_delegate(self, request: Any, target_class: Any, *args: Any, **kwargs: Any) -> Any:
        """Of each request, once Flower knows whose it is to answer."""
        if request.method in OPEN.get(target_class, ()):
            return super().get_handler_delegate(request, target_class, *args, **kwargs)
        if wait_s := self._tries.wait_s(str(request.remote_ip)):
            return super().get_handler_delegate(request, _Refused, {"status": 429, "wait_s": wait_s})
        role = self._role(request)
        if role is Role.OPERATOR:
            return super().get_handler_delegate(request, target_class, *args, **kwargs)
        if role is None:
            return super().get_handler_delegate(request, _Refused, {"status": 401})
        if request.method not in FOR_VIEWERS.get(target_class, ()):
            return super().get_handler_delegate(request, _Refused, {"status": 403})
        return super(GuardedFlower, self._for_viewers).get_handler_delegate(request, target_class, *args, **kwargs)

    def _role(self, request: HTTPServerRequest) -> Role | None:
        """Whose request it is; a wrong login is counted, none is not."""
        given = str(request.headers.get("Authorization", ""))
        role = self._logins.role(given)
        if given and role is None:
            self._tries.wrong(str(request.remote_ip))
        return role


class _ReadOnly:
    """Flower's options, in which nothing may be done."""

    read_only = True

    def __init__(self, options: Any) -> None:
        self._options = options

    def __getattr__(self, name: str) -> Any:
        return getattr(self._options, name)


_SAID = {
    401: "a login is needed\n",
    403: "this login may only look\n",
    429: "too many wrong logins, later again\n",
}


class _Refused(BaseHandler):  # type: ignore[misc]
    """Answers before anything of the request is looked at."""

    def initialize(self, status: int, wait_s: int = 0) -> None:
        self._status, self._wait_s = status, wait_s

    def prepare(self) -> None:
        self.set_status(self._status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        if self._status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="Flower", charset="UTF-8"')
        if self._wait_s:
            self.set_header("Retry-After", str(self._wait_s))
        self.finish(_SAID[self._status])

    def check_xsrf_cookie(self) -> None:
        """Nothing is done, so nothing can be forged."""


class _Headers(OutputTransform):
    """No page of Flower may be put into another's frame, where a click would be somebody's who sees something else."""

    def transform_first_chunk(self, status_code: int, headers: Any, chunk: bytes, finishing: bool) -> Any:
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers.setdefault("Cache-Control", "no-store")
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


class _Templates(Loader):
    """Flower's own, with a link to the console in the navigation."""

    def __init__(self, root: str, console_url: str) -> None:
        super().__init__(root)
        self._console_url = console_url

    def _create_template(self, name: str) -> Template:
        if name != "navbar.html" or not self._console_url:
            return super()._create_template(name)
        text = Path(self.root, name).read_text("utf-8")
        return Template(with_link(text, self._console_url), name=name, loader=self)


def with_link(navigation: str, url: str) -> str:
    """Behind the last link of the navigation; unchanged where that is not found."""
    link = f'<li class="nav-item"><a class="nav-link" href="{{% raw {escape(url)!r} %}}">Console</a></li>'
    return BEHIND.sub(lambda found: f"{found[0]}\n        {link}", navigation, count=1)


def without_queries(record: logging.LogRecord) -> bool:
    """A filter: what stands behind the question mark of an address may be a secret of whoever asked."""
    record.msg, record.args = _QUERY.sub(r"\1?…", record.getMessage()), ()
    return True


def guard() -> None:
    """From now on `celery flower` starts this one, as our configuration has it, with or without `--conf`."""
    flower.command.Flower = _or_exit
    flower.command.apply_env_options = _configured_first(flower.command.apply_env_options)
    for name in LOGS:
        logging.getLogger(name).addFilter(without_queries)


def _configured_first(then: Callable[[], None]) -> Callable[[], None]:
    """Flower's own variables, a file that is named and the command line come later, and win."""

    def apply() -> None:
        flowers_options.parse_config_file(str(configuration.file()), final=False)
        then()

    return apply


def _or_exit(**kwargs: Any) -> GuardedFlower:
    try:
        return GuardedFlower(**kwargs)
    except ConfigurationError as fault:
        raise SystemExit(f"forwarder: {fault}") from None
