"""Every command that operators are told is run in the situation that the page names, and answers what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.operations import EVENT, REPLAY, Operations, operations
from tests.cli.pages import DOCS, Step, alerts_of, sections, words_of
from tests.cli.situations import BY_HAND, OF_THE_RUNBOOK, Situation

RUNBOOK = sections(DOCS / "runbook" / "README.md")
RINGS = alerts_of(DOCS / "runbook" / "README.md")
ALERTS = {
    page.stem: [step for steps in sections(page).values() for step in steps]
    for page in (DOCS / "runbook" / "alerts").glob("*.md")
}
LETTERS = {heading: steps for heading, steps in sections(DOCS / "dead-letters.md").items() if steps}
PAGES_OWN = "70001-17"  # the id on the page of dead letters


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    with operations(tmp_path_factory.mktemp("runbook")) as running:
        yield running


@pytest.fixture
def on(stack: Operations) -> Iterator[Operations]:
    yield stack
    stack.tidy()


def test_each_heading_has_its_situation_and_its_commands() -> None:
    assert not [start for start in OF_THE_RUNBOOK if not any(heading.startswith(start) for heading in RUNBOOK)]
    assert all(RUNBOOK.values()), "each entry has commands"
    assert sorted(ALERTS) == sorted(RINGS.values()), "each alert has its entry, and is run there"
    assert all(ALERTS.values())
    steps = [step for told in (*RUNBOOK.values(), *ALERTS.values()) for step in told]
    assert all(step.word or step.command in BY_HAND for step in steps), "each command has a word of its answer"


@pytest.mark.parametrize("heading", RUNBOOK)
def test_what_the_runbook_says_can_be_typed_and_helps(on: Operations, heading: str) -> None:
    """The page of the alert that rings then comes first: it only looks."""
    next(made for start, made in OF_THE_RUNBOOK.items() if heading.startswith(start))(on)
    follow(on, ALERTS.get(RINGS.get(heading, ""), []))
    follow(on, RUNBOOK[heading])


@pytest.mark.parametrize("heading", LETTERS)
def test_what_the_page_of_dead_letters_says_can_be_typed(on: Operations, heading: str) -> None:
    """On a letter each, and beside a replay that runs where the page speaks of one."""
    situation_of_letters(heading)(on)
    follow(on, LETTERS[heading])


def situation_of_letters(heading: str) -> Situation:
    return OF_THE_RUNBOOK["A replay"] if heading == "Send them again" else OF_THE_RUNBOOK["An event is missing"]


def follow(on: Operations, steps: list[Step]) -> None:
    for step in steps:
        if step.command in BY_HAND:
            BY_HAND[step.command](on)
            continue
        real = {EVENT: on.event, PAGES_OWN: on.event, REPLAY: on.replay}
        ended = on.typed([replaced(word, real) for word in words_of(step)])
        assert ended.status == step.status, f"{step.command}: {ended.out}{ended.err}"
        assert replaced(step.word, real) in ended.out + ended.err, f"{step.command}: {ended.out}{ended.err}"


def replaced(text: str, real: Mapping[str, str]) -> str:
    for said, meant in real.items():
        text = text.replace(said, meant)
    return text


def test_a_page_is_read_as_a_person_reads_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```console\n$ forwarder status   # how it is\n```\n## B\n```sh\n# Wait.\nx 'a b'  # → exit 1: no\n```\n"
    )
    assert sections(page) == {
        "A": [Step("forwarder status   # how it is")],
        "B": [Step("# Wait."), Step("x 'a b'", 1, "no")],
    }
    assert words_of(Step("forwarder status   # how it is")) == ["forwarder", "status"]
