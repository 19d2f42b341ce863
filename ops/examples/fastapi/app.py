"""A checkout with FastAPI: see ../README.md how to start it."""

from decimal import Decimal
from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, StringConstraints

from producers import EnqueueFailed, InvalidEvent
from producers.checkout import conversion
from producers.contrib.fastapi import Rokt, rokt_lifespan

ACCOUNT = "12345"
app = FastAPI(lifespan=rokt_lifespan())


class Order(BaseModel):
    number: Annotated[str, StringConstraints(min_length=1, max_length=30)]
    amount: Decimal
    email: str | None = None


@app.post("/orders", status_code=201)
async def order(given: Order, rokt: Rokt) -> dict[str, str]:
    """The order is taken whether or not the event was: a customer does not wait for anybody's statistics."""
    try:
        event = conversion(order_id=given.number, amount=given.amount, currency="USD", email=given.email)
        event_id = await rokt.enqueue("event-api", account=ACCOUNT, event=event, id=f"order-{given.number}")
    except InvalidEvent as error:
        raise HTTPException(422, [str(fault) for fault in error.faults]) from None
    except ValueError as error:
        raise HTTPException(422, [str(error)]) from None
    except EnqueueFailed as error:
        return {"event": error.id, "fate": "maybe accepted" if error.maybe_accepted else "not accepted"}
    return {"event": event_id, "fate": event_id.fate}
