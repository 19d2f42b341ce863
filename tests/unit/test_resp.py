"""A command is written as redis-py would write it, with hiredis and without."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Connection

from producers.connection import resp

WORDS = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.binary(), st.integers()), max_size=30)


@given(WORDS)
def test_any_command_is_written_as_redis_py_writes_it(words: list[str | bytes | int]) -> None:
    command = ["EVALSHA", *words]
    theirs: Any = Connection  # redis-py types it in part
    assert resp.packed(command) == b"".join(theirs().pack_command(*command))


def test_without_hiredis_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    command: list[str | bytes | int] = ["EVALSHA", "é", b"\xff", 7, ""]
    wanted = resp.packed(command)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    try:
        assert importlib.reload(resp).packed(command) == wanted
    finally:
        monkeypatch.undo()
        importlib.reload(resp)
