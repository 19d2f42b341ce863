"""What operators are told to type: the commands of a page, and the words that they are to see."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.unit.imports import ROOT

DOCS = ROOT / "ops" / "docs"
_SECTION = re.compile(r"^#+ (.+?)$\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ALERT = re.compile(r"Alert:\s\[(\w+)\]")
_ANSWER = re.compile(r"(?:exit (\d): )?(.+)")


class Step(NamedTuple):
    """What is typed, or, where that begins with `#`, done by hand. `word`: of the answer."""

    command: str
    status: int = 0
    word: str = ""


def sections(page: Path) -> dict[str, list[Step]]:
    """Heading -> what is to be done."""
    return {heading: _steps(text) for heading, text in _SECTION.findall(page.read_text("utf-8"))}


def alerts_of(page: Path) -> dict[str, str]:
    """Heading -> the alert that rings then."""
    return {
        heading: found[1]
        for heading, text in _SECTION.findall(page.read_text("utf-8"))
        if (found := _ALERT.search(text))
    }


def _steps(text: str) -> list[Step]:
    return [_step(line) for block in _BLOCK.findall(text) for line in block.splitlines() if line.strip()]


def _step(line: str) -> Step:
    command, arrow, rest = line.removeprefix("$ ").partition("# → ")
    if not arrow:
        return Step(command.strip())
    found = _ANSWER.fullmatch(rest.strip())
    assert found, line
    return Step(command.strip(), int(found[1] or 0), found[2])


def words_of(step: Step) -> list[str]:
    """As a shell takes them; what stands behind a `#` is for the reader."""
    return shlex.split(step.command, comments=True)
