"""The units: systemd takes them, and they give a worker the time that it needs to end."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployment.compose import ROOT, compose, set_by_example
from worker.lifecycle.stopping import FORCED_S
from worker.settings import MARGIN_S, WorkerSettings

UNITS = sorted((ROOT / "ops" / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
BIN = Path(sys.executable).parent


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text("utf-8"))
    return parser


@pytest.mark.skipif(not ANALYZE, reason="NOT TESTED: systemd-analyze is not on this machine")
def test_systemd_takes_them(tmp_path: Path) -> None:
    """With the programs of this environment in the place of those in /opt, and a user that is here."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/forwarder/bin", str(BIN)).replace("User=forwarder", "User=root")
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    files = [str(file) for file in tmp_path.glob("*.service")]
    verify = [str(ANALYZE), "verify", "--man=no", "--recursive-errors=no", *files]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "forwarder" in line]
    assert not ours, done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_runs_without_rights_and_is_started_again(unit: Path) -> None:
    service = read(unit)["Service"]
    assert service["User"] == "forwarder"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["Restart"] == "always"
    assert service["EnvironmentFile"] == "/etc/forwarder/env"
    assert not re.search(r"PASSWORD|TOKEN|SECRET", unit.read_text("utf-8")), "secrets are in the environment file"


def test_a_worker_is_asked_to_end_and_given_the_time_for_it() -> None:
    service = read(ROOT / "ops/systemd/forwarder-worker@.service")["Service"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > WorkerSettings().shutdown_timeout_s + FORCED_S + MARGIN_S


def test_every_program_of_compose_that_is_ours_has_a_unit_with_its_command() -> None:
    """But the sandbox. Where they listen is told by the environment file: there are no containers around them."""
    services = compose(dict.fromkeys(set_by_example(), "given"))["services"]
    ours = {name: service["command"] for name, service in services.items() if "build" in service and name != "sandbox"}
    assert {unit.stem.removeprefix("forwarder-").rstrip("@") for unit in UNITS} == ours.keys()
    for name, command in ours.items():
        unit = next(unit for unit in UNITS if unit.stem.startswith(f"forwarder-{name}"))
        program, *words = read(unit)["Service"]["ExecStart"].split()
        assert program == f"/opt/forwarder/bin/{command[0]}"
        given = [word for word in command[1:] if word not in ("--host", "--port", "0.0.0.0", "8190", "9464")]  # noqa: S104
        assert words[: len(given)] == given


def test_the_page_starts_every_unit() -> None:
    page = (ROOT / "ops/docs/deployment.md").read_text("utf-8")
    (line,) = re.findall(r"^# systemctl enable --now (.*)$", page, re.MULTILINE)
    assert {name.partition("@")[0] for name in line.split()} == {unit.stem.rstrip("@") for unit in UNITS}
