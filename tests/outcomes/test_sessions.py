"""The order of sessions under faults: the short form of `python -m tests.outcomes.measure_sessions`."""

from __future__ import annotations

from tests.apis.support import Fleet
from tests.outcomes.sessions import faulty_sessions


def test_the_first_acceptances_of_each_session_are_in_order_though_a_fifth_of_all_requests_fail(
    forwarder: Fleet,
) -> None:
    told = faulty_sessions(forwarder, 300, 10, 0.2, within_s=100)
    assert told.failed > told.requests / 10
    assert (told.missing, told.dead, told.disordered) == (0, 0, 0)
