"""The spool, on a real Redis that goes away and comes back, with real processes that are killed."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.support")
