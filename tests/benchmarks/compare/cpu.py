"""Seconds of the processor that processes used, with all their children, by /proc."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    pid: int
    parent: int
    ticks: int  # user and system, its own and of its children that have ended


def used(roots: Mapping[str, int]) -> dict[str, float]:
    """Seconds so far of each tree, by the process id of its root."""
    stats = _all()
    children: defaultdict[int, list[int]] = defaultdict(list)
    for each in stats.values():
        children[each.parent].append(each.pid)
    return {name: _of_tree(root, stats, children) / TICK for name, root in roots.items()}


def _of_tree(root: int, stats: Mapping[int, _Stat], children: Mapping[int, list[int]]) -> int:
    mine = stats[root].ticks if root in stats else 0
    return mine + sum(_of_tree(child, stats, children) for child in children.get(root, ()))


def _all() -> dict[int, _Stat]:
    found = (_stat(path) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return {each.pid: each for each in found if each is not None}


def _stat(folder: Path) -> _Stat | None:
    """None for a process that ended meanwhile."""
    try:
        text = (folder / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # from the third on: a name may hold anything
    return _Stat(int(folder.name), int(fields[1]), sum(int(field) for field in fields[11:15]))
