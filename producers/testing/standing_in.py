"""Puts a fake in the place of every producer of this process, for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from producers.appender import RedisAppender, one_by_one
from producers.consent import Consent
from producers.contrib.process_wide import forget_all
from producers.producer import Producer
from producers.testing.fake import FakeProducer, real_from_env


@contextmanager
def faked(fake: FakeProducer | None = None) -> Iterator[FakeProducer]:
    """Until the end of the `with`, `Producer.from_env()` gives this fake, wherever it is called.

    Unless one is given, it checks as the last of these calls asked for, by its arguments and variables: what consent it
    asks, for one. Producers that were made before, as a module does when it is imported, check as ever and record here.
    """
    given = fake or FakeProducer()

    def from_env(environ: Mapping[str, str] | None = None, *, consent: Consent | None = None, **_: Any) -> FakeProducer:
        if fake is None:
            variables = () if environ is None else (environ,)
            given.checks_like(real_from_env(*variables, consent=consent, appender=given.recording))
        return given

    recording = given.recording
    each = partial(one_by_one, recording.append)
    stores = {"append": recording.append, "append_each": each, "withhold": recording.withhold, "under_way": _nothing}
    forget_all()
    try:
        with (
            patch.object(Producer, "from_env", from_env),
            patch.multiple(RedisAppender, **_as_methods(stores)),
        ):
            yield given
    finally:
        forget_all()


def _as_methods(functions: Mapping[str, Any]) -> dict[str, Any]:
    """Bound methods that a class can hold: they stay bound to what they belong to."""
    return {name: staticmethod(function) for name, function in functions.items()}


def _nothing() -> None:
    """What is under way at once: an appender that cannot do so is asked in a thread."""
