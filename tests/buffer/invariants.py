"""What must be true of a slot after every single operation."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from producers.stored_event import event_time_of, payload_of
from tests.buffer.ids_picture import check_ids
from tests.buffer.picture import ENDS, STATES, Picture, Seen
from worker.intake.letters import NAME as INTAKE


def check(picture: Picture, now: int, most_an_account: int | None = None) -> None:
    """Asserts all of them. `most_an_account`: the limit of every claim so far, if it was the same."""
    _ledger_balances(picture)
    _lists_are_shared_out(picture)
    _order_keys_are_in_order(picture)
    _batches_stand_where_they_may_be_claimed(picture)
    _accounts_are_found(picture, now, most_an_account)
    _holds_are_noted(picture, now)
    _ages_are_known(picture)
    _letters_are_found(picture)
    _counters_agree(picture)
    check_ids(picture)


def _ledger_balances(picture: Picture) -> None:
    ledger = picture.ledger
    assert ledger["accepted"] == sum(ledger[state] for state in (*STATES, *ENDS)), ledger
    assert {state: ledger[state] for state in STATES} == {state: picture.in_state(state) for state in STATES}
    assert ledger["dead"] == len(picture.letters)
    assert all(count >= 0 for count in ledger.values()), ledger
    flying = sum(batch.state == "in_flight" for batch in picture.batches.values())
    meta = picture.fixed.get("meta", {})
    assert int(meta.get(b"requests", 0)) == flying
    waiting = int(meta.get(b"appended", 0)) - int(meta.get(b"released", 0))
    assert waiting == sum(batch.size for batch in picture.batches.values())
    for account, fields in picture.hashes.items():
        queued = sum(batch.events for batch in picture.of_account(account) if batch.state != "in_flight")
        assert int(fields.get("queued", 0)) == queued, (account, fields)
        letters = sum(letter["account"].decode() == account for letter in picture.letters.values())
        assert int(fields.get("dead", 0)) == letters, (account, fields)


def _lists_are_shared_out(picture: Picture) -> None:
    """Each list of events has an owner, says how many, and no event of it belongs to two batches."""
    by_list: defaultdict[str, list[Seen]] = defaultdict(list)
    for batch in picture.batches.values():
        by_list[batch.source].append(batch)
        assert batch.events == batch.last - batch.first + 1 == len(batch.stored) > 0, batch
        assert batch.size == sum(len(payload_of(stored)) + 1 for stored in batch.stored), batch
    assert set(by_list) == set(picture.lists)
    assert set(picture.owners) <= set(picture.lists)
    for source, sharing in by_list.items():
        assert picture.owners.get(source, 1) == len(sharing), source
        places = Counter(place for batch in sharing for place in range(batch.first, batch.last + 1))
        assert max(places.values()) == 1, source


def _order_keys_are_in_order(picture: Picture) -> None:
    """At most one batch of an order key is open, and it is the last; at most one is in flight, and it is the first."""
    listed = [id_ for ids in picture.orders.values() for id_ in ids]
    assert sorted(listed) == sorted(batch.id for batch in picture.batches.values() if batch.order)
    for (account, order), ids in picture.orders.items():
        batches = [picture.batches[id_] for id_ in ids]
        assert {(batch.account, batch.order) for batch in batches} == {(account, order)}
        assert "open" not in [batch.state for batch in batches[:-1]]
        assert "in_flight" not in [batch.state for batch in batches[1:]]
    for account, fields in picture.hashes.items():
        open_ = [batch.id for batch in picture.of_account(account) if batch.state == "open" and not batch.order]
        assert open_ == [fields["open"]] if "open" in fields else not open_, (account, open_, fields)


def _batches_stand_where_they_may_be_claimed(picture: Picture) -> None:
    heads = {ids[0] for ids in picture.orders.values()}
    due: defaultdict[str, dict[str, float]] = defaultdict(dict)
    leased: defaultdict[str, set[str]] = defaultdict(set)
    for batch in picture.batches.values():
        if batch.state == "in_flight":
            leased[batch.account].add(batch.id)
        elif not batch.order or batch.id in heads:
            due[batch.account][batch.id] = batch.due
    assert picture.due == due
    assert {account: set(leases) for account, leases in picture.leases.items()} == leased


def _accounts_are_found(picture: Picture, now: int, most_an_account: int | None) -> None:
    """An account stands among the accounts while it has something to claim, and never later than it may be claimed."""
    for account in picture.due.keys() | picture.leases.keys() | picture.accounts.keys():
        due, leases = picture.due.get(account, {}), picture.leases.get(account, {})
        assert due or leases, f"{account} has nothing to claim"
        if picture.hashes.get(account, {}).keys() & {"parked", "paused"}:
            assert account not in picture.accounts, f"{account} is held until it is resumed"
            continue
        assert account in picture.accounts, f"{account} would never be claimed"
        most = _most(picture.hashes[account], most_an_account)
        may_be_full = bool(leases) and (most is None or len(leases) >= most)
        times = [*leases.values(), *(() if may_be_full else due.values())]
        hold = float(picture.hashes[account].get("hold_until", 0))
        latest = max(min(times), hold, now)
        assert hold <= picture.accounts[account] <= latest, f"{account} would be claimed too late, or though it is held"


def _most(fields: dict[str, str], most_an_account: int | None) -> int | None:
    """How many requests an account may have in flight: fewer where it goes carefully."""
    if most_an_account is None:
        return None
    return 1 if "suspected" in fields else max(1, most_an_account * (20 - int(fields.get("careful", 0))) // 20)


def _holds_are_noted(picture: Picture, now: int) -> None:
    """Every account that is held stands there with the end of its hold; one whose hold is over may do so still."""
    noted = {account.decode(): end for account, end in picture.fixed.get("held", {}).items()}
    for account, fields in picture.hashes.items():
        lasting = "parked" in fields or "paused" in fields
        ends = math.inf if lasting else float(fields.get("hold_until", 0))
        assert noted.pop(account, ends) == ends if ends <= now else noted.pop(account, 0) == ends, (account, fields)
    assert not noted, "held, but nothing is known of it"


def _ages_are_known(picture: Picture) -> None:
    born = Counter(batch.opened // 1000 for batch in picture.batches.values())
    assert {int(second): int(count) for second, count in picture.fixed.get("aged", {}).items()} == born
    assert {int(second): score for second, score in picture.fixed.get("ages", {}).items()} == {s: s for s in born}


def _counters_agree(picture: Picture) -> None:
    """Beside the ledger: how long deliveries took, and by what code events died, letters that are gone included."""
    assert picture.times == {batch.id: batch.oldest for batch in picture.batches.values()}
    stats = picture.stats
    delivered = 0 if picture.destination == INTAKE else picture.ledger["delivered"]  # its messages are events by then
    assert sum(count for name, count in stats.items() if name.startswith("delivery:")) == delivered
    lying = Counter(letter["code"].decode() for letter in picture.letters.values())
    elsewhere = sum(max(0, count - stats[f"died:{code}"]) for code, count in lying.items())
    assert elsewhere <= stats["imported"], (stats, lying)
    assert all(count > 0 for name, count in stats.items() if not name.endswith("_ms")), stats


def _letters_are_found(picture: Picture) -> None:
    letters = picture.letters
    assert {number.decode() for number in picture.fixed.get("dead", {})} == set(letters)
    ids = {letter["id"] + b"\0" + number.encode() for number, letter in letters.items()}
    assert set(picture.fixed.get("dead_ids", {})) == ids
    counts = Counter(
        b"%d:%s%s" % (len(letter["code"]), letter["code"], letter["account"]) for letter in letters.values()
    )
    assert {key: int(count) for key, count in picture.fixed.get("dead_counts", {}).items()} == counts
    _letters_are_indexed(picture)


def _letters_are_indexed(picture: Picture) -> None:
    """By code and account, each with when it died; and by the event's time, but for messages of the intake."""
    dead_of: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for number, letter in picture.letters.items():
        of = b"%d:%s%s" % (len(letter["code"]), letter["code"], letter["account"])
        dead_of[of.decode()][number] = picture.fixed["dead"][number.encode()]
    assert picture.dead_of == dead_of
    times = {number.encode(): event_time_of(letter["event"]) for number, letter in picture.letters.items()}
    assert picture.fixed.get("dead_expires", {}) == ({} if picture.destination == INTAKE else times)
