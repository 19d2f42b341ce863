"""What the pages point at is there: files, headings, folders, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.imports import ROOT
from worker.cli.app import COMMANDS, GROUPS, made

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"\bforwarder ((?:[a-z-]+)(?: [a-z-]+)?)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")


PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("ops/**/*.md")})


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    words = (re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", each).strip().lower() for each in headings)
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in words}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    text = _CODE.sub("", _FENCED.sub("", page.read_text("utf-8")))
    broken = []
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_table_of_folders_has_every_package() -> None:
    """Of CONTRIBUTING: each folder of code, or the one that it lies in."""
    told = re.findall(r"`((?:producers|worker)/[\w/]*)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    packages = {file.parent for top in ("producers", "worker") for file in (ROOT / top).glob("*/__init__.py")}
    missing = [named(each) for each in packages if f"{named(each)}/" not in told]
    assert sorted(missing) == []
    assert [each for each in told if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_and_option_that_a_page_types_is_there(page: Path) -> None:
    """In fenced blocks, which people copy."""
    known = options()
    lines = [line for block in _FENCED.findall(page.read_text("utf-8")) for line in block.splitlines()]
    for line in [each.partition("#")[0] for each in lines]:
        for words in _COMMAND.findall(line):
            command = " ".join(words.split()[: 2 if words.split()[0] in GROUPS else 1])
            if command.split()[0] not in (*COMMANDS, *GROUPS):
                continue  # a path, or a name of a package
            assert command in known, line
            assert set(_OPTION.findall(line.partition(f"forwarder {command}")[2])) <= known[command], line


def options() -> dict[str, set[str]]:
    """Command -> its options."""
    found: dict[str, set[str]] = {}
    for name in (*COMMANDS, *GROUPS):
        command = typer.main.get_command(made([name]))
        for path, each in _leaves((name,), command.commands[name]):  # type: ignore[attr-defined]
            found[" ".join(path)] = {option for param in each.params for option in (*param.opts, *param.secondary_opts)}
    return found


def _leaves(path: tuple[str, ...], command: object) -> list[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(path, command)]  # type: ignore[list-item]
    return [leaf for name, child in children.items() for leaf in _leaves((*path, name), child)]


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_every_command_says_what_it_does(name: str) -> None:
    """And each of its options."""
    told = CliRunner().invoke(made([name]), [name, "--help"])
    assert told.exit_code == 0
    for path, command in _leaves((name,), typer.main.get_command(made([name])).commands[name]):  # type: ignore[attr-defined]
        assert command.help, path
        options = [each for each in command.params if getattr(each, "help", None) is not None or each.name == "help"]
        assert len(options) == len(command.params), (path, [each.name for each in command.params])
