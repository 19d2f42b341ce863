"""Who may look at Flower, and who may act there. Pure."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from enum import Enum

from producers.errors import ConfigurationError
from worker.settings import FlowerSettings

_USER = re.compile(r"[!-9;-~]+\Z")  # printable, and no colon, which ends it
_PASSWORD = re.compile(r"[ -~]+\Z")


class Role(Enum):
    """What a login is for: `OPERATOR` may do all that Flower can, `VIEWER` may look."""

    OPERATOR = "operator"
    VIEWER = "viewer"


class Logins:
    """User and password, each with its role."""

    def __init__(self, roles: dict[str, Role]) -> None:
        self._roles = {login.encode(): role for login, role in roles.items()}

    @property
    def basic_auth(self) -> list[str]:
        """As Flower's own option wants them."""
        return [login.decode() for login in self._roles]

    def role(self, authorization: str) -> Role | None:
        """Of a request with this header; None for nobody. Takes as long whatever part of a guess is right."""
        guess = _given(authorization)
        found = [role for login, role in self._roles.items() if hmac.compare_digest(login, guess)]
        return found[0] if found else None


def logins(settings: FlowerSettings) -> Logins:
    """Of the operator and of the viewers. Raises `ConfigurationError`: without an operator there is no Flower."""
    if not settings.flower_password:
        raise ConfigurationError("FORWARDER_FLOWER_PASSWORD: must be set, Flower is not started without a login")
    roles: dict[str, Role] = {}
    users: set[str] = set()
    for variable, user, password, role in _wanted(settings):
        if not _USER.match(user) or not _PASSWORD.match(password):
            raise ConfigurationError(f"{variable}: must be printable ASCII, and a user without a colon")
        if user in users:
            raise ConfigurationError(f"{variable}: names the user {user!r} again")
        users.add(user)
        roles[f"{user}:{password}"] = role
    return Logins(roles)


def _wanted(settings: FlowerSettings) -> Iterator[tuple[str, str, str, Role]]:
    """Variable, user, password, role."""
    yield "FORWARDER_FLOWER_PASSWORD", settings.flower_user, settings.flower_password, Role.OPERATOR
    for each in filter(None, (part.strip() for part in settings.flower_viewers.split(","))):
        user, _, password = each.partition(":")
        yield "FORWARDER_FLOWER_VIEWERS", user, password, Role.VIEWER


def _given(authorization: str) -> bytes:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(credentials.strip(), validate=True)
    except (NotBase64, ValueError):
        return b""
