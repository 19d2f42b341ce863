"""The outbox: events that were committed with the shop's own data and wait for the forwarder to accept them."""

from __future__ import annotations

from django.db import models


class OutboxEvent(models.Model):
    """One event. A row is deleted only after its event was accepted.

    `event`: JSON as `enqueue` takes it, with the caller's time or none. `made_at`: when it was enqueued, ms since 1970;
    the event's time if it has none of its own. `order_key`: events of one leave in their order; a digest, or nothing
    where the destination has no order. `refused`: it cannot be sent as it is; `last_error` says why.
    """

    id = models.BigAutoField(primary_key=True)
    event_id = models.CharField(max_length=200)
    destination = models.CharField(max_length=32)
    account = models.CharField(max_length=256)
    order_key = models.CharField(max_length=64, blank=True, default="")
    event = models.TextField()
    made_at = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    refused = models.BooleanField(default=False)

    class Meta:
        verbose_name = "event in the outbox"
        verbose_name_plural = "events in the outbox"
        indexes = [
            models.Index(fields=["refused", "id"], name="rokt_outbox_waiting"),
            models.Index(fields=["order_key", "id"], name="rokt_outbox_order"),
        ]

    def __str__(self) -> str:
        return f"{self.destination} {self.event_id}"
