"""The checkouts. Each order and its event are one transaction; an event that Rokt would refuse rolls back the order."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from producers import InvalidEvent
from producers.checkout import conversion
from producers.contrib.django import enqueue_in_outbox, enqueue_on_commit

from .models import Order

Enqueue = Callable[..., str]


@csrf_exempt
@require_POST
def order(request: HttpRequest) -> JsonResponse:
    """The event is in the outbox once the order is in its table."""
    return _checkout(request, enqueue_in_outbox)


@csrf_exempt
@require_POST
def quick_order(request: HttpRequest) -> JsonResponse:
    """The event is sent after the commit, and lost if that fails."""
    return _checkout(request, enqueue_on_commit)


def _checkout(request: HttpRequest, enqueue: Enqueue) -> JsonResponse:
    try:
        given = _texts(json.loads(request.body))
        number, amount = given["number"], given["amount"]
        event = conversion(order_id=number, amount=amount, currency="USD", email=given.get("email"))
        with transaction.atomic():
            Order.objects.get_or_create(number=number, defaults={"amount": amount})
            event_id = enqueue("event-api", account=settings.ROKT_ACCOUNT, event=event, id=f"order-{number}")
    except InvalidEvent as error:
        return JsonResponse({"faults": [str(fault) for fault in error.faults]}, status=422)
    except (KeyError, ValueError) as error:
        return JsonResponse({"faults": [str(error)]}, status=400)
    return JsonResponse({"event": event_id}, status=201)


def _texts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError("give number, amount and, if it is known, email, each a text")
    return given
