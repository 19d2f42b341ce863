"""The page from Rokt's documents to the tests names nothing that is not there, and leaves nothing out in silence."""

from __future__ import annotations

import re

import pytest

from tests.unit.imports import ROOT

PAGE = (ROOT / "ops/docs/documents-to-tests.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not re.match(r"\| (---|.*\| test \|$)", line)]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_row_names_a_test_or_says_why_there_is_none() -> None:
    assert len(ROWS) > 100
    assert [row for row in ROWS if "::" not in row and "no test: " not in row] == []


@pytest.mark.parametrize("chapter", ["Event API", "Server Events API", "Custom Audience Import API", "Query API"])
def test_every_document_has_its_chapter(chapter: str) -> None:
    assert re.search(rf"^## {chapter} \(`[\w-]+\.txt`\)$", PAGE, re.MULTILINE)
