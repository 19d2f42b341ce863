"""What imports what, read from the source with `ast`: for the tests of the architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Graph = Mapping[str, frozenset[str]]


def source_files(*folders: str, suffix: str = ".py") -> list[Path]:
    """The files of our own folders, as they lie there now."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob(f"*{suffix}") if path.is_file())


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: frozenset[str]) -> Iterator[str]:
    """Every module that a file imports anywhere in it, by its full name; of a package's submodule, the submodule."""
    package = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*above, *([node.module] if node.module else [])))
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in modules else origin


@cache
def graph(*folders: str) -> Graph:
    """Each module of the folders with all that it imports."""
    files = {module_name(path): path for path in source_files(*folders)}
    modules = frozenset(files)
    return {name: frozenset(imported(path, modules)) - {name} for name, path in files.items()}


def circle(edges: Graph) -> list[str]:
    """The modules of one import circle, or none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for target in sorted(edges[module] & edges.keys()):
            if found := walk(target, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in edges if (found := walk(module, []))), [])


def is_in(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
