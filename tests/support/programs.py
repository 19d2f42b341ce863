"""Programs of the machine that some tests drive: skipped with a loud word where they are missing, never in CI.

`FORWARDER_CI` is set by `.ci/run`: `1`, and `-package` for each that could not be installed there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import NoReturn

import pytest

PACKAGES = {"chromium": "chromium", "promtool": "prometheus"}


def needed(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Where the program is. Without it the test is skipped, or fails where CI says that it is there."""
    found = shutil.which(name, path=environ.get("PATH"))
    return found or _missing(name, environ)


def _missing(name: str, environ: Mapping[str, str]) -> NoReturn:
    package = PACKAGES[name]
    ci = environ.get("FORWARDER_CI", "").split()
    if ci and f"-{package}" not in ci:
        pytest.fail(f"{name} is not there, and .ci/run did not say that it could not be installed")
    pytest.skip(f"NOT TESTED: {name} is not on this machine; on Debian: apt-get install {package}")
