"""Alert rules and dashboard speak of metrics that exist, and each alert has its page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from producers.settings import BufferSettings
from tests.support.programs import needed
from worker.metrics.exposition import metrics_text

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "ops" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
BOARD = json.loads((ROOT / "ops" / "grafana" / "dashboard.json").read_text("utf-8"))
OF_FLOWER = {"flower_worker_online"}


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel["targets"])
    yield from (each["definition"] for each in BOARD["templating"]["list"])


async def test_every_expression_names_metrics_that_exist(redis: Any, prefix: str) -> None:
    told = await metrics_text(redis, BufferSettings(key_prefix=prefix))
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", told, re.MULTILINE))
    parts = ("_bucket", "_sum", "_count")
    known = families.keys() | {name + part for name, kind in families.items() if kind == "histogram" for part in parts}
    known |= {"forwarder_queue_messages"}  # told where the broker is a Redis
    named = {name for each in expressions() for name in re.findall(r"\b(?:forwarder|flower)_\w+", each)}
    assert named - known == OF_FLOWER


async def test_the_page_on_metrics_lists_every_one_with_its_kind(redis: Any, prefix: str, redis_server: Any) -> None:
    told = await metrics_text(redis, BufferSettings(redis_server.url, prefix), redis_server.url)
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", told, re.MULTILINE))
    page = (ROOT / "ops" / "docs" / "metrics.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)) == families


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_a_page_that_says_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    page = ROOT / rule["annotations"]["runbook_url"]
    assert page == ROOT / "ops" / "docs" / "runbook" / "alerts" / f"{rule['alert']}.md"
    text = page.read_text("utf-8")
    for part in (f"# {rule['alert']}", "## What it means", "## What to look at first", "$ forwarder ", "## What to do"):
        assert part in text


def test_every_page_has_an_alert() -> None:
    pages = {page.stem for page in (ROOT / "ops" / "docs" / "runbook" / "alerts").glob("*.md")}
    assert pages == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
    ids=" ".join,
)
def test_promtool_finds_no_fault(arguments: tuple[str, ...]) -> None:
    ended = subprocess.run([needed("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_promtool_finds_no_fault_in_the_configuration_with_its_secrets(tmp_path: Path) -> None:
    """They are files of the container, which promtool wants to see."""
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    text = (folder / "prometheus.yml").read_text("utf-8")
    for name in re.findall(r"/run/secrets/(\w+)", text):
        (tmp_path / name).write_text("a-secret-for-tests-alone")
    (folder / "prometheus.yml").write_text(text.replace("/run/secrets", str(tmp_path)))
    arguments = [needed("promtool"), "check", "config", "prometheus.yml"]
    ended = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_two_panels_overlap_and_each_has_its_number() -> None:
    taken = [
        (x, y)
        for panel in BOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
