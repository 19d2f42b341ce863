"""`/accounts`: held ones first, with the reason; pause and resume."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.desk import desk_of
from worker.console.forms import Form, posted
from worker.console.known import account_of, destination_of
from worker.console.rendering import address, page


async def accounts(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    destination = destination_of(asked["destination"]) if asked.get("destination") else None
    name = asked.get("account", "")
    return page(
        request,
        "accounts.html",
        destination=destination or "",
        name=name,
        named=await desk.accounts.named(account_of(name), destination) if name else [],
        held=await desk.accounts.held(destination),
        waiting=await desk.accounts.waiting(destination),
        refreshing=asked.get("refresh") != "off",
    )


async def pause(request: Request, form: Form) -> Response:
    destination, account = destination_of(form["destination"]), account_of(form.exact("account"))
    desk, reason = desk_of(request), form.why or "by an operator"
    async with desk.acting(
        request, "pause", {"destination": destination, "account": account, "reason": reason}, form.why
    ):
        await desk.holding.pause(destination, account, reason)
    return RedirectResponse(_back(account, destination), 303)


async def resume(request: Request, form: Form) -> Response:
    destination, account = destination_of(form["destination"]), account_of(form.exact("account"))
    desk = desk_of(request)
    async with desk.acting(request, "resume", {"destination": destination, "account": account}, form.why) as told:
        told["resumed"] = await desk.holding.resume(destination, account)
    return RedirectResponse(_back(account, destination), 303)


def _back(account: str, destination: str) -> str:
    """What was changed stands on top then."""
    return address("/accounts", {"account": account, "destination": destination})


ROUTES = [Route("/accounts", accounts), posted("/accounts/pause", pause), posted("/accounts/resume", resume)]
