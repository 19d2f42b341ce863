"""A process that is killed before or after anything it changes loses no event, and doubles only what it was sending."""

from __future__ import annotations

import pytest

from producers.effects import Moment
from tests.chaos.kills.ground import Ground
from tests.chaos.kills.kills import OF_DELIVERY, OF_THE_REST, Kill, promises_hold
from worker.effects import EFFECTS


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("each", OF_DELIVERY, ids=str)
def test_a_kill_loses_nothing_and_doubles_only_what_was_sent_and_not_settled(
    ground: Ground, each: Kill, moment: Moment
) -> None:
    promises_hold(each, moment, ground)


def test_there_is_a_kill_at_every_effect() -> None:
    assert {each.name for each in (*OF_DELIVERY, *OF_THE_REST)} == set(EFFECTS)
