"""A process that is killed over a token, the queue of the intake or its own notes loses no event, and blocks nobody."""

from __future__ import annotations

import pytest

from producers.effects import Moment
from tests.chaos.kills.ground import Ground
from tests.chaos.kills.kills import OF_THE_REST, Kill, promises_hold


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("each", OF_THE_REST, ids=str)
def test_a_kill_loses_nothing_and_doubles_only_what_was_handed_over_and_not_forgotten(
    ground: Ground, each: Kill, moment: Moment
) -> None:
    promises_hold(each, moment, ground)
