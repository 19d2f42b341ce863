"""A test whose program is missing says so, and in CI it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import needed


def test_a_program_that_is_there_is_found(tmp_path: Path) -> None:
    program = tmp_path / "promtool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert needed("promtool", {"PATH": str(tmp_path)}) == str(program)


@pytest.mark.parametrize("ci", ["", "1 -prometheus"])
def test_one_that_is_missing_skips_the_test_with_a_loud_word(tmp_path: Path, ci: str) -> None:
    with pytest.raises(pytest.skip.Exception, match="NOT TESTED: promtool is not on this machine"):
        needed("promtool", {"PATH": str(tmp_path), "FORWARDER_CI": ci})


@pytest.mark.parametrize("ci", ["1", "1 -chromium"])
def test_in_ci_it_fails_where_it_could_be_installed(tmp_path: Path, ci: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="promtool is not there"):
        needed("promtool", {"PATH": str(tmp_path), "FORWARDER_CI": ci})
