"""A command is written as redis-py would write it."""

from __future__ import annotations

from typing import Any

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
