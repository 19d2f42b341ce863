"""Imports run downward only, files stay small, and the world outside is reached through few doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.imports import ROOT, circle, graph, is_in, source_files

MOST_LINES = 400
FRAMEWORKS = ("django", "fastapi", "flask", "pytest")
WORKER_ONLY = (
    *("celery", "kombu", "billiard", "httpx", "pycurl", "structlog", "rich", "typer", "flower"),
    *("starlette", "uvicorn", "prometheus_client"),
)
SHOP_WORDS = tuple(f"producers.{name}" for name in ("checkout", "session", "audience", "shop"))

ENVIRONMENT_READERS = {
    "producers/producer.py": "the default of Producer.from_env; the reading is producers/settings.py's",
    "producers/contrib/configured.py": "the default behind a framework's settings; both go to Producer.from_env",
    "worker/settings.py": "the default of load_settings: the worker's only reader",
    "worker/http/machine.py": "SSL_CERT_FILE, SSL_CERT_DIR: what the machine says to every HTTP client on it",
    "worker/cli/context.py": "the command line's own door: a running stack's variables stand in for those not set",
    "worker/cli/run_stack.py": "`up` and `demo` hand the environment on to the programs they start",
    "worker/stack/spawn.py": "a child inherits the whole environment unless it is given one",
    "worker/stack/redis_server.py": "the embedded server is started under a locale that exists",
    "worker/stack/tether.py": "a program of its own, which undoes what Python did to the locale",
}
HTTP_DOORS = {
    "worker.http": "the only door to Rokt, by libcurl or by httpx's own transport",
    "worker.demo": "asks the sandbox what came",
    "worker.sandbox": "knows nothing of the rest",
}
CELERY_DOORS = {"worker.celery", "worker.tasks"} | {
    *(f"worker.broker.{name}" for name in ("connection", "check", "queues", "task_queue")),
    *(f"worker.lifecycle.{name}" for name in ("dispatch", "consumer", "thread_step", "stop_step", "consumer_step")),
    *(f"worker.intake.{name}" for name in ("intake", "kombu_reader", "broker", "envelope", "noted")),
}


def test_producers_never_import_worker() -> None:
    """Checkout code must not carry the worker's dependencies."""
    wrong = {name: targets for name, targets in graph("producers").items() if any(is_in(t, "worker") for t in targets)}
    assert not wrong


def test_importing_producers_loads_nothing_of_the_worker() -> None:
    """In a fresh interpreter, everything that comes along counted."""
    loaded = _loaded_by("from producers import Producer; import producers.checkout")
    assert "producers.producer" in loaded
    assert not [name for name in loaded if is_in(name, "worker", *WORKER_ONLY, *FRAMEWORKS)]


@pytest.mark.parametrize("module", ["producers", "producers.testing", "producers.testing.pytest_plugin"])
def test_a_package_alone_costs_nothing_before_a_name_of_it_is_used(module: str) -> None:
    """pytest loads the plugin in every run of a shop's tests."""
    loaded = _loaded_by(f"import {module}")
    assert module in loaded
    assert not [name for name in loaded if is_in(name, "redis", "msgspec", "producers.producer", "producers.contrib")]


@pytest.mark.parametrize("package", ["producers", "producers.testing"])
def test_every_name_of_a_package_is_there_when_it_is_asked_for(package: str) -> None:
    program = f"import {package} as package; print(all(getattr(package, name) for name in package.__all__))"
    assert _output(program) == "True"


def test_only_its_own_helper_imports_a_web_framework() -> None:
    """A shop has one of them, or none."""
    wrong = [
        name
        for name, targets in graph("producers").items()
        for framework in FRAMEWORKS
        if any(is_in(t, framework) for t in targets)
        and not is_in(name, f"producers.contrib.{framework}", "producers.testing.pytest_plugin")
    ]
    assert not wrong


def test_only_who_uses_a_shops_words_pays_for_them() -> None:
    assert not [name for name in _loaded_by("from producers import Producer") if is_in(name, *SHOP_WORDS)]


def test_the_sandbox_knows_nothing_of_what_it_stands_against() -> None:
    """A fault that both shared would be invisible."""
    wrong = {
        name: targets
        for name, targets in graph("worker").items()
        if is_in(name, "worker.sandbox")
        and any(is_in(t, "producers") or (is_in(t, "worker") and not is_in(t, "worker.sandbox")) for t in targets)
    }
    assert not wrong


def test_nothing_but_the_command_line_imports_the_sandbox() -> None:
    """Delivery must not know whom it talks to."""
    allowed = ("worker.sandbox", "worker.cli", "worker.demo", "worker.stack")
    wrong = [
        name
        for name, targets in graph("producers", "worker").items()
        if not is_in(name, *allowed) and any(is_in(target, "worker.sandbox") for target in targets)
    ]
    assert not wrong


def test_there_is_no_import_circle() -> None:
    """Imports inside functions counted: they only hide a circle."""
    assert not circle(graph("producers", "worker"))


def test_a_circle_would_be_found() -> None:
    """The finder itself: over two modules, over three, and none."""
    assert circle({"a": frozenset({"b"}), "b": frozenset({"a"})}) == ["a", "b", "a"]
    assert circle({"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"b"})}) == ["b", "c", "b"]
    assert not circle({"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset()})


@pytest.mark.parametrize(
    "module", ["producers.errors", "producers.clock", "producers.destinations.answers", "worker.buffer.batches"]
)
def test_a_leaf_imports_nothing_of_the_layers_above_it(module: str) -> None:
    """Shared types lie at the bottom, so that nobody needs a circle to reach them."""
    targets = {t for t in graph("producers", "worker")[module] if is_in(t, "producers", "worker")}
    assert targets <= {"producers.errors"}


@pytest.mark.parametrize(
    "module",
    [
        "worker.delivery.settling",
        "worker.delivery.retry",
        "worker.delivery.history",
        "worker.dead_letters.letter",
        "worker.dead_letters.paths",
        "worker.dead_letters.differences",
        "producers.destinations.outcomes",
        "producers.destinations.event_api",
        "producers.destinations.server_events",
        "producers.destinations.session_matching",
        "producers.destinations.audience",
        "producers.privacy",
        "producers.privacy.redaction",
        "producers.privacy.personal_fields",
        "producers.normalisation",
        "producers.checkout",
        "producers.shop.objectdata",
        "producers.shop.formats",
    ],
)
def test_what_decides_does_no_input_or_output(module: str) -> None:
    """No clock, no network, no randomness: they are passed in."""
    doors = {"redis", "httpx", "pycurl", "socket", "asyncio", "structlog"}
    doors |= {"time", "random", "os", "threading", "secrets"}
    assert not [target for target in graph("producers", "worker")[module] if is_in(target, *doors)]


@pytest.mark.parametrize("suffix", [".py", ".lua"])
def test_no_file_is_longer_than_it_can_be_read_at_once(suffix: str) -> None:
    files = source_files("producers", "worker", "tests", "ops", suffix=suffix)
    long = {str(file.relative_to(ROOT)): _lines(file) for file in files if _lines(file) >= MOST_LINES}
    assert files
    assert not long


def test_few_files_read_the_environment_and_each_has_its_reason() -> None:
    """Everything else is given what it needs, so that tests and embedded stacks can give something else."""
    readers = {str(f.relative_to(ROOT)) for f in source_files("producers", "worker") if _reads_environment(f)}
    assert readers - ENVIRONMENT_READERS.keys() == set(), "a new reader needs a reason in ENVIRONMENT_READERS"
    assert ENVIRONMENT_READERS.keys() - readers == set(), "no longer true: take it off ENVIRONMENT_READERS"


def test_http_leaves_through_one_door() -> None:
    """Time-outs, redirects and error words are decided in one place."""
    users = [
        name
        for name, targets in graph("producers", "worker").items()
        if any(is_in(t, "httpx", "pycurl") for t in targets)
    ]
    assert not [name for name in users if not is_in(name, *HTTP_DOORS)]


def test_celery_is_imported_only_at_the_edge() -> None:
    """Delivery runs without it: in tests, and in whatever comes after Celery."""
    users = {
        name
        for name, targets in graph("producers", "worker").items()
        if any(is_in(t, "celery", "kombu", "billiard") for t in targets)
    }
    assert users <= CELERY_DOORS


def _loaded_by(program: str) -> list[str]:
    return _output(f"{program}; import sys; print(*sys.modules)").split()


def _output(program: str) -> str:
    """Of a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _lines(file: Path) -> int:
    return file.read_text("utf-8").count("\n")


def _reads_environment(file: Path) -> bool:
    """Whether a file names `os.environ` or `os.getenv`, or imports them."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            if isinstance(node.value, ast.Name) and node.value.id == "os":
                return True
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(alias.name in ("environ", "environb", "getenv") for alias in node.names)
    return False


def test_a_worker_does_not_load_what_only_an_exporter_needs() -> None:
    """It would pay for it at every start, and in each process of its pool."""
    loaded = _loaded_by("import worker.lifecycle.dispatch, worker.tasks")
    assert "worker.metrics.samples" in loaded
    assert not [name for name in loaded if is_in(name, "prometheus_client", "uvicorn", "starlette")]
