"""Settings of the property tests: no deadline, since the machine may be busy with other tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
