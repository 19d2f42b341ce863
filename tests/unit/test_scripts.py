"""A Lua script as Redis gets it."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from pathlib import Path

import pytest

from producers.scripts import load

PACKAGES = ("producers", "worker.buffer")


INCLUDED = ("standing", "parts", "record", "tally", "leaving", "outstanding")  # of worker.buffer, in other scripts


def scripts() -> list[tuple[str, str]]:
    return [
        (package, Path(str(file)).stem)
        for package in PACKAGES
        for file in files(package).joinpath("lua").iterdir()
        if file.name.endswith(".lua") and Path(str(file)).stem not in {"prelude", "ids", *INCLUDED}
    ]


@pytest.mark.parametrize(("package", "name"), scripts())
def test_a_script_is_its_shebang_then_the_prelude_then_its_body(package: str, name: str) -> None:
    """Redis takes `#!lua` only in the first line; the prelude comes before what uses it."""
    body = files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
    prelude = files("producers").joinpath("lua", "prelude.lua").read_text("utf-8")
    script = load(package, name)
    assert script.text.startswith("#!lua")
    assert script.text.count("#!lua") == 1
    head, _, rest = script.text.partition(prelude)
    assert head.strip() == body.splitlines()[0]
    parts = dict.fromkeys(INCLUDED, files("worker.buffer"))
    parts["ids"] = files("producers")
    whole = body.split("\n", 1)[1].strip()
    for part, where in parts.items():
        whole = whole.replace(f"--@with {part}", where.joinpath("lua", f"{part}.lua").read_text("utf-8"))
    assert rest.strip() == whole


@pytest.mark.parametrize(("package", "name"), scripts())
def test_a_script_is_known_by_the_sha1_of_its_text(package: str, name: str) -> None:
    script = load(package, name)
    assert script.sha == sha1(script.text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(("package", "name"), scripts())
def test_the_head_of_a_script_describes_its_keys_and_arguments(package: str, name: str) -> None:
    body = files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
    assert "-- KEYS " in body
    assert "-- ARGV " in body
    assert "-- Gives " in body


@pytest.mark.parametrize(("name", "allowed"), [("claim", True), ("settle", True), ("discard", True), ("append", False)])
def test_only_what_frees_memory_works_when_redis_is_out_of_it(name: str, allowed: bool) -> None:
    """Append is refused first, so that what is there can still leave."""
    package = "producers" if name == "append" else "worker.buffer"
    assert ("allow-oom" in load(package, name).text.splitlines()[0]) == allowed


def test_there_is_an_append_a_claim_and_a_settle() -> None:
    assert {("producers", "append"), ("worker.buffer", "claim"), ("worker.buffer", "settle")} <= set(scripts())
