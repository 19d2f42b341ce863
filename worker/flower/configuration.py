"""Where Flower's configuration is."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = "ops/flower/flowerconfig.py"
SHARED = "share/rokt-forwarder/flowerconfig.py"  # where it is installed to, without the rest of ops


def file() -> Path:
    """Of this working copy, else the one that was installed with the package."""
    here = Path(__file__).parents[2] / _HERE
    return here if here.exists() else Path(sys.prefix) / SHARED
