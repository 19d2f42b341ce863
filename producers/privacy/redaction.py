"""Makes a message fit to be kept though nobody could read it as an event: best effort, and never an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producers.privacy.personal_fields import Rules, as_list, digest, folded, is_hashed, personal

WITHHELD = "(withheld)"
_ENTRY = frozenset({"name", "value"})
_TEXTS = frozenset(
    {"destination", "account", "accountid", "id", "action", "list", "eventtype", "eventtime"}
) | frozenset({"clienteventid", "sessionid", "parentguid", "clientuniqueid"})
_KNOWN = _TEXTS | _ENTRY | {"event", "events", "objectdata", "metadata"}


def redacted(message: object, rules: Rules) -> object:
    """The message as it may be kept, in new objects where it differs."""
    if not rules.hashing and not rules.drop:
        return message
    try:
        return _Walk(rules, _destination(message)).value(message)
    except Exception:  # noqa: BLE001 - whatever it is that was put into a queue
        return WITHHELD


def _destination(message: object) -> object:
    return message.get("destination") if isinstance(message, Mapping) else None


class _Walk:
    """Down through lists and objects. Where only names are dropped, everything else stays."""

    def __init__(self, rules: Rules, destination: object) -> None:
        self._rules = rules
        self._audience = destination == "audience"

    def value(self, value: Any) -> Any:
        """Anything that stands where no document has a text."""
        if isinstance(value, Mapping):
            return self._entry(value) if self._is_entry(value) else self._object(value)
        entries = as_list(value)
        if entries is not None:
            return [self.value(entry) for entry in self._rules.applied(entries, lambda _index, _message: WITHHELD)]
        return self._loose(value)

    def _is_entry(self, value: Mapping[Any, Any]) -> bool:
        return any(folded(key) in _ENTRY for key in value)

    def _loose(self, value: Any) -> Any:
        return value if value is None or isinstance(value, bool) or not self._rules.hashing else WITHHELD

    def _entry(self, entry: Mapping[Any, Any]) -> dict[Any, Any]:
        """A name and what stands beside it. In a list, those to be left out are gone already."""
        if any(folded(key) == "name" and self._rules.drops(value) for key, value in entry.items()):
            return {self._key(key): value if folded(key) == "name" else WITHHELD for key, value in entry.items()}
        name = next((value for key, value in entry.items() if folded(key) == "name" and personal(value)), None)
        named = any(folded(key) == "name" and folded(value) for key, value in entry.items())
        return {self._key(key): self._beside(key, value, name, named) for key, value in entry.items()}

    def _beside(self, key: object, value: Any, name: object, named: bool) -> Any:
        if not self._rules.hashing:
            return self.value(value)
        if folded(key) == "name" and isinstance(value, str):
            return self._name(value)
        if name is not None:
            return self._hashed(personal(name), value)
        if folded(key) == "value" and named and not isinstance(value, Mapping | list | tuple):
            return value
        return self.value(value)

    def _name(self, name: str) -> str:
        field = personal(name)
        if not field:
            return WITHHELD if "@" in name else name
        return name if is_hashed(name) else f"{field}sha256"

    def _hashed(self, field: str, value: Any) -> Any:
        if value is None or value == WITHHELD or not isinstance(value, str):
            return self.value(value)
        try:
            return digest(field, value)
        except ValueError:
            return WITHHELD

    def _object(self, whole: Mapping[Any, Any]) -> dict[Any, Any]:
        names = {folded(key) for key in whole}
        made: dict[Any, Any] = {}
        for key, value in whole.items():
            if self._rules.drops(key) and folded(key) not in _KNOWN:
                continue
            written = self._key(key)
            if written != key and folded(written) in names and written != WITHHELD:
                continue  # the hashed one is given too
            made[written] = self._inside(key, value)
        return made

    def _key(self, key: Any) -> Any:
        """The name under which a value stands afterwards."""
        field = personal(key) if self._rules.hashing else ""
        if field and not is_hashed(key):
            return "sha256" if self._audience and field == "email" else f"{field}sha256"
        return WITHHELD if self._rules.hashing and isinstance(key, str) and "@" in key else key

    def _inside(self, key: object, value: Any) -> Any:
        if not self._rules.hashing or isinstance(value, Mapping | list | tuple):
            return self.value(value)
        field = "email" if folded(key) == "sha256" else personal(key)
        if field:
            return self._hashed(field, value)
        return value if folded(key) in _TEXTS else self._loose(value)
