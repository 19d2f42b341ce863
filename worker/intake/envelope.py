"""What lies in a list of the queue: kombu's envelope around a body, or a plain line of a shop without kombu."""

from __future__ import annotations

import base64
from typing import Any

from kombu.utils.json import loads

from producers import InvalidEvent
from producers.errors import Fault
from worker.intake.hand_over import Message


def message_of(raw: bytes, channel: Any) -> Message:
    """The message in an element of the list. What cannot be decoded keeps its raw bytes, and so does an empty body."""
    try:
        envelope = loads(raw.decode(), object_hook=None)  # as it stands: no objects of Python out of a message
    except (ValueError, RecursionError):
        return Message.of(raw)  # no envelope; the line says what it is
    if not isinstance(envelope, dict) or not envelope.keys() >= {"body", "properties"}:
        return Message.of(raw)
    try:
        message = Message.of(_body(envelope, channel))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        fault = Fault("message", f"cannot be decoded: {type(error).__name__}: {error}")
        return Message(raw, InvalidEvent([fault]))
    return message if message.kept else message._replace(kept=raw)


def _body(envelope: dict[str, Any], channel: Any) -> bytes:
    """As kombu decodes and decompresses it. Raises many errors of Python's own."""
    if envelope["properties"].get("body_encoding") == "base64":
        base64.b64decode("".join(envelope["body"].split()), validate=True)  # kombu drops what is none
    message = channel.message_to_python(envelope)
    if message.errors:
        raise ValueError(str(message.errors[0][1]))
    if not isinstance(message.body, bytes):
        raise TypeError(f"a body of {type(message.body).__name__}")
    return message.body
