"""uvicorn's HTTP protocol with two additions: a connection that can be aborted, and the sandbox's own error body."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .responses import TRACE_HEADER, error_body, new_trace_id

_EXTENSION = "sandbox"


class AbortableProtocol(HttpToolsProtocol):
    """Give to `uvicorn.Config(http=…)`."""

    def on_message_begin(self) -> None:
        """Called by the parser at the start of a request, before the application sees its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"abort": self.transport.abort}}

    def send_400_response(self, msg: str) -> None:
        """Called when the bytes are not HTTP (a broken chunk, for instance), so no application can answer."""
        body = error_body("RequestBodyReadError", msg)
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"{TRACE_HEADER}: {new_trace_id()}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def abort(scope: Scope) -> None:
    """End the connection of a request at once, without sending what may still be buffered."""
    function: Callable[[], None] = scope["extensions"][_EXTENSION]["abort"]
    function()
