"""Processes that are killed before and after each effect, and a watch over writes that are within none."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "kills",
            "ground",
            "scenes",
            "replay_scenes",
            "intake_scenes",
            "token_scenes",
            "spool_scenes",
            "driver",
        )
    )
)
