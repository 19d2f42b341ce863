"""docker-compose.yml as compose reads it: YAML with merges, and variables filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^{}]*))?\}")  # the innermost
_LINE = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """The file, with the variables filled in. Raises `KeyError` for one that it insists on and that is not set."""
    filled: dict[str, Any] = _filled(yaml.safe_load(FILE.read_text("utf-8")), environ)
    return filled


def variables() -> set[str]:
    """Every variable that the file fills in."""
    return set(re.findall(r"\$\{(\w+)", FILE.read_text("utf-8")))


def documented() -> set[str]:
    """Every variable of .env.example, commented out or not."""
    return {name for name, _ in _LINE.findall(EXAMPLE.read_text("utf-8"))}


def set_by_example() -> dict[str, str]:
    """What .env is after `cp .env.example .env`, without its comments."""
    lines = (line for line in EXAMPLE.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return {name: value.partition(" #")[0].strip() for name, _, value in (line.partition("=") for line in lines)}


def binds(compose_file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Service and host folder of each that is mounted from this machine."""
    for name, service in compose_file["services"].items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith(("./", "/")):
                yield name, source


def _filled(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, environ) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, environ) for each in value]
    if isinstance(value, str):
        while _VARIABLE.search(value):
            value = _VARIABLE.sub(lambda found: _value(found, environ), value)
        return value.replace("$$", "$")
    return value


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name, rule, text = found[1], found[2], found[3] or ""
    if environ.get(name):
        return environ[name]
    if rule == "?":
        raise KeyError(f"{name}: {text}")
    return text
