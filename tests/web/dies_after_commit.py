"""A checkout whose process ends right after the commit, before anything that was to follow it. Run as a program."""

from __future__ import annotations

import os

import django
from django.db import transaction

django.setup()

from producers.contrib.django import enqueue_in_outbox, enqueue_on_commit  # noqa: E402 - after Django is ready

with transaction.atomic():
    transaction.on_commit(lambda: os._exit(9))
    for number in range(3):
        for enqueue in (enqueue_in_outbox, enqueue_on_commit):
            id_ = f"{enqueue.__name__}-{number}"
            enqueue("event-api", account="1", event={"eventType": "conversion"}, id=id_)
