"""What our gate before Flower is built on is there, and what it lets pass is decided by us."""

from __future__ import annotations

import inspect
import logging
import os
import runpy
from types import SimpleNamespace

import flower.app
import flower.command
import flower.views
import pytest
from flower.options import default_options
from flower.urls import handlers, settings
from tornado.httputil import HTTPServerRequest, RequestStartLine
from tornado.template import Loader
from tornado.web import Application

from producers.errors import ConfigurationError
from tests.support.flower import routes
from worker.flower import configuration
from worker.flower.guard import BEHIND, FOR_VIEWERS, OPEN, with_link, without_queries
from worker.flower.logins import Role, logins
from worker.flower.showing import bare, format_task, words
from worker.settings import FlowerSettings, flower_settings

SUMMARY = "{'delivered': 1500, 'requests': 15, 'dead': 0, 'parked': 1, 'codes': {'UnauthorizedError': 1}}"
ASKED = RequestStartLine("GET", "/tasks?token=hidden", "HTTP/1.0")
KNOWN = {  # of Flower 2.2: a path that is new here is for operators until somebody says otherwise
    "/$", "/workers$", "/worker/(.+)$", "/task/(.+)$", "/tasks$", "/tasks/datatable$", "/broker$", "/api/workers",
    "/api/worker/shutdown/(.+)", "/api/worker/pool/restart/(.+)", "/api/worker/pool/grow/(.+)",
    "/api/worker/pool/shrink/(.+)", "/api/worker/pool/autoscale/(.+)", "/api/worker/queue/add-consumer/(.+)",
    "/api/worker/queue/cancel-consumer/(.+)", "/api/tasks", "/api/task/types", "/api/queues/length",
    "/api/task/info/(.*)", "/api/task/apply/(.+)", "/api/task/async-apply/(.+)", "/api/task/send-task/(.+)",
    "/api/task/result/(.+)", "/api/task/abort/(.+)", "/api/task/timeout/(.+)", "/api/task/rate-limit/(.+)",
    "/api/task/revoke/(.+)", "/metrics", "/healthcheck", "/static/(.*)", "/login/?", "/logout$", ".*",
}  # fmt: skip


def test_flower_is_made_as_the_gate_expects_it() -> None:
    """If this fails, Flower has changed: read `worker/flower/guard.py` against it."""
    assert "Flower(capp=app, options=options, **settings)" in inspect.getsource(flower.command.flower.callback)
    assert "template_path" in settings
    command = inspect.getsource(flower.command.flower.callback)
    assert command.index("apply_env_options()") < command.index("apply_options(")
    assert list(inspect.signature(Application.get_handler_delegate).parameters)[1:4] == [
        "request",
        "target_class",
        "target_kwargs",
    ]
    assert "self.on_event" in inspect.getsource(flower.app.Events.run)
    assert "options.basic_auth" in inspect.getsource(flower.views.BaseHandler.get_current_user)
    assert hasattr(Loader, "_create_template")
    assert set(routes()) == KNOWN, "Flower has other paths than those that somebody looked at"
    assert len(handlers) == len(KNOWN)


def test_a_viewer_is_let_to_no_path_of_the_api() -> None:
    allowed = {path for path, handler in routes().items() if handler in FOR_VIEWERS}
    assert not {path for path in allowed if path.startswith("/api")}
    assert [handler.__name__ for handler in OPEN] == ["Healthcheck"]


def test_the_link_to_the_console_finds_its_place_and_is_escaped() -> None:
    navigation = Loader(settings["template_path"]).load("navbar.html").code
    assert navigation
    with open(f"{settings['template_path']}/navbar.html", encoding="utf-8") as file:
        text = file.read()
    assert len(BEHIND.findall(text)) == 1
    linked = with_link(text, "https://console.example.com/?a=1&b='\"<{{")
    assert "&amp;b=&#x27;&quot;&lt;{{" in linked
    assert linked.count("nav-item") == text.count("nav-item") + 1


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("%d %s: no", (404, "GET /tasks?token=hidden&a='b (127.0.0.1)")),
        ("Uncaught exception %s\n%r", ("GET /tasks", HTTPServerRequest(start_line=ASKED))),
    ],
)
def test_no_query_of_an_address_gets_into_the_log(said: str, arguments: tuple[object, ...]) -> None:
    record = logging.LogRecord("tornado.general", logging.WARNING, "", 0, said, arguments, None)
    assert without_queries(record)
    assert "/tasks?…" in record.getMessage()
    assert "hidden" not in record.getMessage()


def test_every_name_of_the_configuration_is_an_option_of_flower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flower passes over names that it does not know."""
    monkeypatch.setattr("worker.logs.configure", lambda *_: None)
    for name, value in {"FORWARDER_FLOWER_PASSWORD": "x", "FORWARDER_FLOWER_MAX_TASKS": "500"}.items():
        monkeypatch.setitem(os.environ, name, value)
    config = runpy.run_path(str(configuration.file()))
    simple = {name for name, value in config.items() if type(value) in (str, int, float, bool, list)}
    ours = {name for name in simple if not name.startswith("_")}
    assert ours <= set(default_options)
    assert (config["max_tasks"], config["address"], config["persistent"]) == (500, "127.0.0.1", False)
    assert callable(config["format_task"])


def test_operator_and_viewers_are_told_apart() -> None:
    known = logins(FlowerSettings(flower_password="a:b c", flower_viewers="eve:one, ada:two:three"))
    assert known.basic_auth == ["forwarder:a:b c", "eve:one", "ada:two:three"]
    assert known.role("Basic Zm9yd2FyZGVyOmE6YiBj") is Role.OPERATOR
    assert known.role("basic YWRhOnR3bzp0aHJlZQ==") is Role.VIEWER
    assert known.role("Basic YWRhOm9uZQ==") is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "FORWARDER_FLOWER_PASSWORD"),
        ({"flower_password": "é"}, "FORWARDER_FLOWER_PASSWORD"),
        ({"flower_password": "x", "flower_user": "a:b"}, "FORWARDER_FLOWER_PASSWORD"),
        ({"flower_password": "x", "flower_viewers": "eve"}, "FORWARDER_FLOWER_VIEWERS"),
        ({"flower_password": "x", "flower_viewers": "forwarder:y"}, "FORWARDER_FLOWER_VIEWERS"),
    ],
)
def test_logins_that_cannot_be_used_are_named_without_a_password(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as fault:
        logins(flower_settings({f"FORWARDER_{name.upper()}": value for name, value in given.items()}))
    assert "é" not in str(fault.value)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "console", "https://", "https://user:secret@example.com"])
def test_a_link_leads_to_an_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_CONSOLE_URL") as fault:
        flower_settings({"FORWARDER_CONSOLE_URL": url})
    assert "secret" not in str(fault.value)


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("result", SUMMARY, SUMMARY),
        ("result", "{'delivered': 1, 'note': 'jane@private.example'}", "{'delivered': 1}"),
        ("result", "{'codes': {'jane@private.example': 1, 'Timeout': 2}}", "{'codes': {'Timeout': 2}}"),
        ("result", "'jane@private.example'", "…"),
        ("exception", f"DeliveryFailed({SUMMARY!r})", f"DeliveryFailed({SUMMARY!r})"),
        ("exception", "DeliveryFailed('jane@private.example')", "DeliveryFailed(…)"),
        ("exception", "redis.ConnectionError('redis://u:hidden@h')", "redis.ConnectionError(…)"),
        ("exception", "jane@private.example broke", "jane(…)"),
        ("args", "(0,)", "(0,)"),
        ("args", "[3]", "[3]"),
        ("args", "('jane@private.example',)", "…"),
        ("kwargs", "{}", "{}"),
        ("kwargs", "{'email': 'jane@private.example'}", "…"),
    ],
)
def test_flower_keeps_our_counts_of_a_task_and_nothing_else(field: str, text: str, kept: str) -> None:
    event = bare({"type": "task-x", "uuid": "u", field: text, "traceback": "File … jane@private.example"})
    assert event == {"type": "task-x", "uuid": "u", field: kept}


def test_a_task_is_shown_in_words() -> None:
    task = format_task(SimpleNamespace(args="(3,)", result=SUMMARY, exception=None))
    assert (task.args, task.result) == (
        "shard 3",
        "delivered 1,500, requests 15, parked 1: UnauthorizedError 1",
    )
    failed = format_task(SimpleNamespace(args="[0]", result=None, exception=f"DeliveryFailed({SUMMARY!r})"))
    assert failed.exception == task.result
    assert (words({"delivered": 0, "codes": {}}), words(None)) == ("nothing was due", "")
