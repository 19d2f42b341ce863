"""docker-compose.yml is what the compose specification says, and what an operator may rely on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.deployment.compose import EXAMPLE, FILE, ROOT, binds, compose, documented, set_by_example, variables
from worker.lifecycle.stopping import FORCED_S
from worker.settings import MARGIN_S, WorkerSettings

SCHEMA = Path(__file__).with_name("schema") / "compose-spec.json"
GIVEN = {
    "FORWARDER_FLOWER_PASSWORD": "correct-horse",
    "FORWARDER_CONSOLE_TOKEN": "battery-staple",
    "REDIS_PASSWORD": "donkey",
}
NEEDED = {  # which secrets of .env each service gets, but the password of Redis in an address
    "worker": {"ROKT_APP_ID", "ROKT_APP_SECRET", "ROKT_BEARER_TOKEN"},
    "flower": {"FORWARDER_FLOWER_PASSWORD", "FORWARDER_FLOWER_VIEWERS"},
    "console": {"FORWARDER_CONSOLE_TOKEN", "FORWARDER_METRICS_TOKEN"},
    "metrics": {"FORWARDER_METRICS_TOKEN"},
}
SECRETS = set().union(*NEEDED.values()) | {"REDIS_PASSWORD"}
ELSEWHERE = {"FORWARDER_COMPOSE_REDIS_URL": "rediss://user:hidden@redis.example.com/0"}
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
    given = dict(zip(command[::2], command[1::2], strict=True))
    assert given["--appendonly"] == "yes"
    assert given["--maxmemory-policy"] == "noeviction"
    assert given["--maxmemory"] == "1gb"
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]


def test_each_container_gets_the_secrets_that_it_needs() -> None:
    """Whatever of them .env has; the sandbox, which needs nothing, has nothing of it."""
    env_file = dict.fromkeys(SECRETS, "a-secret") | GIVEN
    services = compose(env_file)["services"]
    assert {name for name, service in services.items() if service.get("env_file")} == NEEDED.keys()
    for name, wanted in NEEDED.items():
        environment = env_file | services[name]["environment"]
        assert {variable for variable in SECRETS if environment[variable]} == wanted, name
        assert (name == "worker") == ("volumes" in services[name]), "the folder with credentials is the worker's"
    assert (services["sandbox"]["environment"], services["sandbox"].get("volumes")) == ({}, None)


def test_redis_wants_its_password_which_is_in_no_argument() -> None:
    redis = SERVICES["redis"]
    assert "requirepass $REDISCLI_AUTH" in redis["entrypoint"][2]
    assert redis["environment"] == {"REDISCLI_AUTH": GIVEN["REDIS_PASSWORD"]}
    assert not [word for word in redis["entrypoint"] + redis["command"] if GIVEN["REDIS_PASSWORD"] in word]
    for name in NEEDED:
        assert SERVICES[name]["environment"]["FORWARDER_REDIS_URL"] == "redis://:donkey@redis:6379/0"


def test_the_address_of_redis_in_containers_is_not_that_of_programs_beside_them() -> None:
    """A shell that has `FORWARDER_REDIS_URL` for a shop may start compose."""
    assert compose({**GIVEN, "FORWARDER_REDIS_URL": "redis://127.0.0.1:6379/0"}) == WHOLE
    elsewhere = compose({**GIVEN, **ELSEWHERE})["services"]
    for name in NEEDED:
        environment = {**ELSEWHERE, **elsewhere[name]["environment"]}
        assert environment["FORWARDER_REDIS_URL"] == ELSEWHERE["FORWARDER_COMPOSE_REDIS_URL"]
        assert environment["FORWARDER_COMPOSE_REDIS_URL"] == ""


def test_redis_can_be_left_out() -> None:
    """As compose puts the second file over the first; nobody waits for a service that is not there."""
    over = yaml.safe_load((ROOT / "ops/compose/external-redis.yml").read_text("utf-8"))
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    validator.validate(over)
    assert over["services"] == {"redis": {"profiles": ["left-out"]}}
    for name, service in SERVICES.items():
        for other, how in dict(service.get("depends_on", {})).items():
            assert (other, how) == ("redis", {"condition": "service_healthy", "required": False}), name


def test_prometheus_is_given_the_secrets_that_it_reads() -> None:
    text = (ROOT / "ops/prometheus/prometheus.yml").read_text("utf-8")
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == set(SERVICES["prometheus"]["secrets"])


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
