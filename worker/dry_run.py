"""The requests that events would make, without sending any: checked, batched and built as for real, then redacted.

Batches are filled to their caps, as if all lines came within one linger.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from producers import InvalidEvent, Producer
from producers.clock import now_ms
from producers.destinations import Destination, Prepared, Whole
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Request
from producers.lines import Line
from producers.settings import BatchSettings
from worker.access.credentials import Credentials, SandboxCredentials
from worker.check.fields import masked
from worker.delivery.sending import IDEMPOTENCY_HEADER
from worker.settings import Settings, caps_of, load_settings, open_credentials

Key = tuple[str, str, str]
_PLAIN_HEADERS = frozenset({"content-type", "accept", "charset", "rokt-version"})
_PERSONAL = frozenset({"value", "email", "emails", "sha256", "sha256s"})
_HASH = re.compile(r"[0-9A-Fa-f]{64}")
_AUTHORIZATION = re.compile(r"(Basic|Bearer) .+", re.DOTALL)


class Batch(NamedTuple):
    """What one request would hold."""

    to: Destination
    of: Whole
    payloads: list[bytes]


class Batches:
    """The open batches, filled and sealed as the `append` script does. Pure."""

    def __init__(self, caps: Callable[[str], BatchSettings]) -> None:
        self._caps = caps
        self._open: dict[Key, tuple[Batch, int]] = {}

    def add(self, to: Destination, account: str, event: Prepared) -> list[Batch]:
        """Takes one event; gives the batches that are sealed by it."""
        key = (to.name, account, event.order)
        caps, size = self._caps(to.name), len(event.payload) + 1
        room = caps.max_bytes - to.envelope_bytes(account, event.order, event.kind)
        batch, used = self._open.pop(key, (None, 0))
        sealed: list[Batch] = []
        if batch and (batch.of.kind != event.kind or used + size > room):
            sealed.append(batch)
            batch, used = None, 0
        batch = batch or Batch(to, Whole(account, event.order, event.kind), [])
        batch.payloads.append(event.payload)
        if len(batch.payloads) >= caps.max_events or used + size >= room:
            return [*sealed, batch]
        self._open[key] = (batch, used + size)
        return sealed

    def fits_alone(self, to: Destination, account: str, event: Prepared) -> bool:
        """Whether a request can hold the event at all."""
        envelope = to.envelope_bytes(account, event.order, event.kind)
        return len(event.payload) + envelope <= self._caps(to.name).max_bytes

    def rest(self) -> list[Batch]:
        """Those that are open still, which their linger would send."""
        left = [batch for batch, _ in self._open.values()]
        self._open.clear()
        return left


class DryRun:
    """Takes lines as `Producer.enqueue_many` does; `emit` is called with each request, redacted.

    `producer`: is asked, in its own words, about an event that no request can hold.
    """

    def __init__(
        self,
        producer: Producer,
        settings: Settings,
        credentials: Credentials,
        caps: Callable[[str], BatchSettings],
        emit: Callable[[Mapping[str, Any]], object],
    ) -> None:
        self._producer = producer
        self._settings = settings
        self._credentials = credentials
        self._batches = Batches(caps)
        self._emit = emit
        self.requests = 0
        self.held: Counter[str] = Counter()

    @classmethod
    def from_env(cls, environ: Mapping[str, str], emit: Callable[[Mapping[str, Any]], object]) -> DryRun:
        """As the worker reads it. Raises `ConfigurationError` that names the variable at fault."""
        settings = load_settings(environ)
        credentials = open_credentials(settings.worker, environ)
        caps = {name: caps_of(environ)(name) for name in settings.delivery}
        return cls(Producer.from_env(environ), settings, credentials, caps.__getitem__, emit)

    def send(self, lines: Sequence[Line]) -> list[InvalidEvent | None]:
        """Checks each line as `enqueue` does; gives why it is refused, or None."""
        return [self._one(line) for line in lines]

    def finish(self) -> None:
        """The batches that no cap has sealed."""
        self._tell(self._batches.rest())

    def _one(self, line: Line) -> InvalidEvent | None:
        try:
            to, prepared = self._producer.preparer.checked(line, now_ms())
            if not self._batches.fits_alone(to, line.account, prepared):
                self._producer.check(line)
        except InvalidEvent as error:
            return error
        self._tell(self._batches.add(to, line.account, prepared))
        return None

    def _tell(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.requests += 1
            credentials, fault = self._usable(batch.to, batch.of.account)
            host = self._settings.hosts.get(batch.to.name, "")
            if not host:
                fault = f"{batch.to.name} has no host where FORWARDER_ENV is {self._settings.worker.env}"
            self.held.update([fault] if fault else [])
            self._emit({**self._request(batch, host, credentials), **({"fault": fault} if fault else {})})

    def _request(self, batch: Batch, host: str, credentials: AccountCredentials) -> dict[str, Any]:
        token = "…" if batch.to.client_of(credentials) else ""
        request = batch.to.request(host, batch.of._replace(token=token), batch.payloads, masked(credentials))
        if batch.to.takes_idempotency_keys and self._settings.delivery[batch.to.name].idempotency_keys:
            request = request._replace(headers={**request.headers, IDEMPOTENCY_HEADER: "…"})
        return redacted(request, len(batch.payloads))

    def _usable(self, to: Destination, account: str) -> tuple[AccountCredentials, str]:
        """The account's credentials; made-up ones, and why, where it has not those that the API asks for."""
        found = self._credentials.of(account)
        lacking = to.missing(found) if found else ["everything"]
        if found and not lacking:
            return found, ""
        made_up = SandboxCredentials().of(account) or AccountCredentials()
        return made_up, f"the credentials file lacks {', '.join(lacking)} of account {_text(account)}"


def redacted(request: Request, events: int) -> dict[str, Any]:
    """A request without credentials and personal values; `bytes` are those of its real body. Pure."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": {name: _header(name, value) for name, value in request.headers.items()},
        "events": events,
        "bytes": len(request.body),
        "body": _body(msgspec.json.decode(request.body)),
    }


def _header(name: str, value: str) -> str:
    """Only what is known to be no credential is shown."""
    if name.lower() in _PLAIN_HEADERS:
        return value
    scheme = _AUTHORIZATION.fullmatch(value)
    return f"{scheme[1]} …" if scheme else "…"


def _body(value: Any, personal: bool = False) -> Any:
    if isinstance(value, dict):
        return {name: _body(item, personal or name in _PERSONAL) for name, item in value.items()}
    if isinstance(value, list):
        return [_body(item, personal) for item in value]
    return _text(value, personal) if isinstance(value, str) else value


def _text(text: str, personal: bool = False) -> str:
    """An address or a hash is personal wherever it stands."""
    return "…" if personal or "@" in text or _HASH.search(text) else text
