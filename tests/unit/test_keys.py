"""The names of keys: no two things share one, and all of a slot's carry its tag."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers.keys import FIXED, LAYOUT, Slot, shard_of

SLOT = Slot("forwarder", "event-api", 0)
names = st.text(max_size=20) | st.text(":0123456789a", max_size=8)


def derived_keys() -> dict[str, tuple[list[str], list[str]]]:
    """The key functions of prelude.lua: name -> (parameters, the parts that it joins)."""
    prelude = files("producers").joinpath("lua", "prelude.lua").read_text("utf-8")
    found = re.findall(r"local function (\w+_key)\(([^)]*)\) return base \.\. (.+) end", prelude)
    return {name: (given.split(", "), parts.split(" .. ")) for name, given, parts in found}


def key(function: str, *given: str) -> bytes:
    """What that function of the prelude gives: literals, parameters and their lengths in bytes, joined."""
    parameters, parts = derived_keys()[function]
    values = {name: value.encode() for name, value in zip(parameters, given, strict=True)}
    lengths = {f"#{name}": str(len(value)).encode() for name, value in values.items()}
    meanings = values | lengths
    return SLOT.base.encode() + b"".join(
        part.strip("'").encode() if part.startswith("'") else meanings[part] for part in parts
    )


@given(names, names, names, names)
@example("a", "b:c", "a:b", "c")
@example("1:a", "b", "a", "1:b")
def test_no_two_order_keys_share_a_list(account: str, order: str, other_account: str, other_order: str) -> None:
    """Whatever stands in an account or a session id, colons included."""
    same = (account, order) == (other_account, other_order)
    assert (key("order_key", account, order) == key("order_key", other_account, other_order)) == same


@given(st.lists(names, min_size=2, max_size=2))
def test_keys_of_different_kinds_never_meet(pair: list[str]) -> None:
    kinds = derived_keys()
    made = [key(kind, *pair[: len(parameters)]) for kind, (parameters, _) in kinds.items()]
    made += [fixed.encode() for fixed in SLOT.fixed]
    assert len(set(made)) == len(made)


def test_the_prelude_derives_the_keys_that_python_names() -> None:
    """Python reads what the scripts wrote, so both must spell a key the same."""
    for kind in ("account", "batch", "events", "letter", "due", "leases"):
        assert key(f"{kind}_key", "7") == (SLOT.key(kind, "7").encode())


@given(names, names)
def test_letters_are_indexed_by_the_text_that_counts_them(code: str, account: str) -> None:
    """So that the pairs that have letters are the fields of one hash."""
    field = b"%d:%s%s" % (len(code.encode()), code.encode(), account.encode())
    assert key("dead_of_key", code, account) == SLOT.base.encode() + b"dead_of:" + field


def test_the_prelude_unpacks_the_fixed_keys_in_their_order() -> None:
    """The order of `FIXED` is the scripts' interface."""
    prelude = files("producers").joinpath("lua", "prelude.lua").read_text("utf-8")
    match = re.search(r"^local (.+) = unpack\(KEYS\)$", prelude, re.MULTILINE)
    assert match
    assert tuple(match[1].split(", ")) == FIXED
    assert f"string.sub(meta, 1, -{len('meta') + 1})" in prelude


def test_all_keys_of_a_slot_hash_to_one_place_on_a_cluster() -> None:
    assert {re.search(r"\{(.+?)\}", name)[1] for name in SLOT.fixed} == {"event-api.0"}  # type: ignore[index]


def test_slots_prefixes_and_layouts_keep_apart() -> None:
    slots = [
        Slot(prefix, to, shard) for prefix in ("a", "b") for to in ("event-api", "audience") for shard in (0, 1, 11)
    ]
    assert len({slot.base for slot in slots}) == len(slots)
    assert f":{LAYOUT}:" in SLOT.base


@given(st.text(st.characters(exclude_categories=()), max_size=64), st.integers(1, 256))
def test_an_account_always_lives_in_one_shard_that_exists(account: str, shards: int) -> None:
    assert shard_of(account, shards) == shard_of(account, shards)
    assert 0 <= shard_of(account, shards) < shards


def test_accounts_spread_over_all_shards() -> None:
    assert {shard_of(f"account-{number}", 8) for number in range(500)} == set(range(8))


@pytest.mark.parametrize(("account", "shard"), [("12345", 4), ("é", 6)])
def test_the_shard_of_an_account_never_changes(account: str, shard: int) -> None:
    """Another version that spread accounts otherwise would not find their events."""
    assert shard_of(account, 8) == shard
