"""For a shop's own tests: a producer that checks like the real one and remembers instead of sending.

With pytest, the fixtures `rokt_producer` and `rokt_async_producer` are there by themselves; elsewhere,
`with faked() as fake:`. Nothing here needs Redis or pytest; of the environment only
what is set must be usable.
"""

from typing import TYPE_CHECKING

from producers.lazily import lazily

if TYPE_CHECKING:
    from producers.testing.fake import FakeProducer
    from producers.testing.recording import Recorded
    from producers.testing.standing_in import faked

__all__ = ["FakeProducer", "Recorded", "faked"]
__getattr__ = lazily(
    __name__,
    {
        "FakeProducer": "producers.testing.fake",
        "Recorded": "producers.testing.recording",
        "faked": "producers.testing.standing_in",
    },
)
