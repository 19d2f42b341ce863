"""A checkout with Flask: see ../README.md how to start it."""

from typing import Any

from flask import Flask, request

from producers import EnqueueFailed, InvalidEvent
from producers.checkout import conversion
from producers.contrib.flask import RoktForwarder, current_producer

ACCOUNT = "12345"
forwarder = RoktForwarder()


def create_app(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(config)
    forwarder.init_app(app)
    app.add_url_rule("/orders", view_func=order, methods=["POST"])
    return app


def order() -> tuple[dict[str, Any], int]:
    """The order is taken whether or not the event was: a customer does not wait for anybody's statistics."""
    try:
        given = _texts(request.get_json())
        event = conversion(order_id=given["number"], amount=given["amount"], currency="USD", email=given.get("email"))
        event_id = current_producer.enqueue("event-api", account=ACCOUNT, event=event, id=f"order-{given['number']}")
    except InvalidEvent as error:
        return {"faults": [str(fault) for fault in error.faults]}, 422
    except (KeyError, ValueError) as error:
        return {"faults": [str(error)]}, 400
    except EnqueueFailed as error:
        return {"event": error.id, "fate": "maybe accepted" if error.maybe_accepted else "not accepted"}, 201
    return {"event": event_id, "fate": event_id.fate}, 201


def _texts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError("give number, amount and, if it is known, email, each a text")
    return given
