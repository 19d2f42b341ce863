"""docker-compose.yml is what the compose specification says, and what an operator may rely on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.deployment.compose import EXAMPLE, FILE, ROOT, binds, compose, documented, set_by_example, variables
from worker.settings import MARGIN_S, WorkerSettings
from worker.stopping import FORCED_S

SCHEMA = Path(__file__).with_name("schema") / "compose-spec.json"
GIVEN = {"FORWARDER_FLOWER_PASSWORD": "correct-horse", "FORWARDER_CONSOLE_TOKEN": "battery-staple"}
WHOLE = compose(GIVEN)
SERVICES: dict[str, dict[str, Any]] = WHOLE["services"]
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?\Z")
SECONDS = re.compile(r"(\d+)s\Z")


def test_it_is_what_the_specification_says() -> None:
    """With the schema of the specification, which refuses what it does not know."""
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(without_extensions(WHOLE))


def test_the_schema_would_refuse_a_wrong_word() -> None:
    wrong = {"services": {"worker": {"image": "a", "read-only": True}}}
    assert list(Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).iter_errors(wrong))


def without_extensions(whole: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if not name.startswith("x-")}


def test_it_has_every_program_of_the_forwarder() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"redis", "worker", "flower", "console", "sandbox"}
    assert {name: SERVICES[name]["profiles"] for name in SERVICES.keys() - always} == {
        "metrics": ["metrics"],
        "prometheus": ["metrics"],
        "grafana": ["metrics"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_watched_bound_and_without_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["restart"] == "unless-stopped"
    assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()
    user, _, _ = service["user"].partition(":")
    assert int(user) > 0, "not root"
    assert PINNED.match(service["image"]), "an image is named by its full version"
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys(), "its log cannot fill the disk"
    assert seconds(service["stop_grace_period"]) >= 10


def test_a_worker_is_given_the_time_that_an_end_in_order_takes() -> None:
    longest = WorkerSettings().shutdown_timeout_s + FORCED_S + MARGIN_S
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > longest


def seconds(text: str) -> int:
    found = SECONDS.match(text)
    assert found, text
    return int(found[1])


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 6
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert WHOLE["networks"]["data"] == {"internal": True}
    assert "rokt" not in SERVICES["redis"]["networks"] + SERVICES["flower"]["networks"]


def test_redis_keeps_what_it_is_given() -> None:
    command = SERVICES["redis"]["command"]
    given = dict(zip(command[1::2], command[2::2], strict=True))
    assert given["--appendonly"] == "yes"
    assert given["--maxmemory-policy"] == "noeviction"
    assert given["--maxmemory"] == "1gb"
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]


def test_every_variable_that_it_uses_is_explained() -> None:
    assert variables() <= documented(), f"not in {EXAMPLE.name}"


@pytest.mark.parametrize("missing", GIVEN)
def test_it_insists_on_logins(missing: str) -> None:
    assert set_by_example().keys() == GIVEN.keys()
    with pytest.raises(KeyError, match=missing):
        compose({name: value for name, value in GIVEN.items() if name != missing})


def test_what_it_names_is_there() -> None:
    """Named volumes, networks and secrets are declared; folders and files of this repository exist."""
    for name, service in SERVICES.items():
        sources = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {each for each in sources if "/" not in each} <= WHOLE["volumes"].keys(), name
        assert set(service["networks"]) <= WHOLE["networks"].keys(), name
        assert set(service.get("secrets", [])) <= WHOLE["secrets"].keys(), name
        assert set(service.get("depends_on", {})) <= SERVICES.keys(), name
    for name, source in binds(WHOLE):
        if "profiles" in SERVICES[name] and not (ROOT / "ops/prometheus").exists():
            continue
        assert (ROOT / source).exists(), (name, source)


def test_it_holds_no_secret() -> None:
    assert not re.search(r"(?i)(password|token|secret)\w*: *[\"']?[a-z0-9]{6,}", FILE.read_text("utf-8"))


@pytest.mark.parametrize("page", ["deployment.md", "flower.md", "logs.md", "runbook/README.md"])
def test_a_page_names_no_variable_and_no_file_that_is_not_there(page: str) -> None:
    file = ROOT / "ops" / "docs" / page
    text = file.read_text("utf-8")
    assert set(re.findall(r"\b(?:FORWARDER|REDIS)_[A-Z_]+[A-Z]\b", text)) <= documented()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert not [link for link in links if link and not (file.parent / link).exists()]
    named = re.findall(r"`((?:worker|tests|ops)/[\w./-]+)`", text)
    assert not [each for each in named if not (ROOT / each).exists()]


def test_no_value_of_the_example_has_a_comment_behind_it() -> None:
    """systemd would take it for part of the value."""
    lines = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert not [line for line in lines if "#" in line]
