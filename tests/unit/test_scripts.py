"""A Lua script as Redis gets it."""

from __future__ import annotations

import re
from hashlib import sha1
from importlib.resources import files
from pathlib import Path

import pytest

from producers.scripts import load

PACKAGES = ("producers", "worker.buffer")


LUA = {"tonumber", "tostring", "ipairs", "pairs", "unpack", "type", "next", "function", "and", "or", "not", "if", "in"}
LUA |= {"return", "elseif", "while", "until"}
INCLUDED = ("standing", "parts", "record", "tally", "leaving", "outstanding")  # of worker.buffer, in other scripts


def scripts() -> list[tuple[str, str]]:
    return [
        (package, Path(str(file)).stem)
        for package in PACKAGES
        for file in files(package).joinpath("lua").iterdir()
        if file.name.endswith(".lua") and Path(str(file)).stem not in {"prelude", "ids", *INCLUDED}
    ]


@pytest.mark.parametrize(("package", "name"), scripts())
def test_a_script_is_its_shebang_then_what_it_needs_of_the_prelude_then_its_body(package: str, name: str) -> None:
    """Redis takes `#!lua` only in the first line; the prelude comes before what uses it, in its own order."""
    body = files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
    prelude = files("producers").joinpath("lua", "prelude.lua").read_text("utf-8")
    script = load(package, name)
    assert script.text.startswith("#!lua")
    assert script.text.count("#!lua") == 1
    parts = dict.fromkeys(INCLUDED, files("worker.buffer"))
    parts["ids"] = files("producers")
    whole = body.split("\n", 1)[1].strip()
    for part, where in parts.items():
        whole = whole.replace(f"--@with {part}", where.joinpath("lua", f"{part}.lua").read_text("utf-8"))
    head = script.text.strip().removesuffix(whole)
    assert head != script.text.strip()
    shebang, *needed = head.strip().splitlines()
    assert shebang == body.splitlines()[0]
    lines = iter(prelude.splitlines())
    assert all(line in lines for line in needed), "a line that the prelude does not have there"


@pytest.mark.parametrize(("package", "name"), scripts())
def test_a_script_carries_every_function_that_it_calls(package: str, name: str) -> None:
    """What is missing would be found only when its line runs."""
    text = re.sub(r"--.*|'[^'\n]*'", "", load(package, name).text)
    known = set(re.findall(r"local function (\w+)", text)) | LUA
    known |= {one.strip() for names in re.findall(r"local ([\w, ]+)", text) for one in names.split(",")}
    known |= {one.strip() for names in re.findall(r"function ?\w*\(([\w, ]*)\)", text) for one in names.split(",")}
    assert set(re.findall(r"(?<![.\w])([a-z_]\w*)\(", text)) <= known


def test_an_append_carries_nothing_of_dead_letters() -> None:
    """What a script does not call would be made anew at each call all the same."""
    assert "forget_all" not in load("producers", "append").text
    assert "forget_all" in load("worker.buffer", "discard").text


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
