"""Django: add `producers.contrib.django` to `INSTALLED_APPS`; settings in `ROKT_FORWARDER`, else the environment.

`enqueue_on_commit` sends an event when the transaction is committed; `enqueue_in_outbox` writes it in the transaction,
so that no crash between the two can lose it.
"""

from typing import TYPE_CHECKING

from producers.lazily import lazily

if TYPE_CHECKING:
    from producers.contrib.django.on_commit import enqueue_on_commit
    from producers.contrib.django.outbox import enqueue_in_outbox
    from producers.contrib.django.producer import get_producer

__all__ = ["enqueue_in_outbox", "enqueue_on_commit", "get_producer"]
__getattr__ = lazily(  # models may not be imported before Django is ready
    __name__,
    {
        "enqueue_in_outbox": f"{__name__}.outbox",
        "enqueue_on_commit": f"{__name__}.on_commit",
        "get_producer": f"{__name__}.producer",
    },
)
