"""Personal fields at the edge: hashed or left out before an event is looked at by its destination, or stored.

Which fields, how each is normalised, and what this does not cover: ops/docs/privacy.md. Pure: the settings are read in
`producers/settings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from producers.errors import Fault, InvalidEvent
from producers.privacy.personal_fields import PARTS, Rules, as_list, as_mapping, digest, folded
from producers.privacy.redaction import redacted

Mode = Literal["plain", "hash"]
MUST = "FORWARDER_PII=hash must hash it"
WITHHELD_TEXT = b'"(withheld: it was no JSON)"'


class Privacy(Struct, frozen=True):
    """What may leave the process. `accounts`: those with a mode of their own. `drop`: names of fields to leave out.

    A mode that is none of the two counts as `hash`: a mistake must not let addresses out.
    """

    default: Mode = "plain"
    accounts: Mapping[str, Mode] = msgspec.field(default_factory=dict)
    drop: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "drop", frozenset(map(folded, self.drop)))

    @property
    def inert(self) -> bool:
        """Whether every event may leave as it is."""
        return not self.drop and all(mode == "plain" for mode in (self.default, *self.accounts.values()))

    def hashes(self, account: object) -> bool:
        """Whether an account's personal fields must be hashed. What is no account at all has the strictest mode."""
        if isinstance(account, str):
            return self.accounts.get(account, self.default) != "plain"
        return any(mode != "plain" for mode in (self.default, *self.accounts.values()))

    def applied(self, destination: str, account: str, event: Any) -> Any:
        """The event as it may leave: the same object if there is nothing to change in it, and never changed itself.

        Goes before the destination's `prepare`, on an event as the document spells it. What is malformed stays as it
        is, for `prepare` refuses it and repeats no value. Raises `InvalidEvent` (`event.objectData[3].value`) for a
        personal value that cannot be hashed.
        """
        rules = Rules(self.hashes(account), self.drop)
        before = as_mapping(event) if rules.hashing or rules.drop else None
        if before is None:
            return event
        faults: list[Fault] = []
        changed = _parts(before, rules, faults)
        after = _member(before, faults) if rules.hashing and destination == "audience" else before
        if faults:
            raise InvalidEvent(faults)
        return {**after, **changed} if changed or after is not before else event

    def redacted(self, message: object) -> object:
        """A message that could not be accepted, as it may be kept: the same replacements, as far as it can be read.

        A personal value without a hash, and in mode `hash` all that stands where no document has a field, becomes
        "(withheld)". Never raises, never changes what it is given.
        """
        account = message.get("account") if isinstance(message, Mapping) else None
        return redacted(message, Rules(self.hashes(account), self.drop))

    def redacted_text(self, message: bytes) -> bytes:
        """The same for its JSON text; of what is no JSON nothing can be told apart, so nothing of it is kept."""
        if not self.drop and not self.hashes(None):
            return message
        try:
            return msgspec.json.encode(self.redacted(msgspec.json.decode(message)))
        except (ValueError, RecursionError):
            return WITHHELD_TEXT if self.hashes(None) else message


def _parts(event: Mapping[str, Any], rules: Rules, faults: list[Fault]) -> dict[str, list[Any]]:
    """The lists that are not the same afterwards."""
    changed: dict[str, list[Any]] = {}
    for part in PARTS:
        before = as_list(event.get(part))
        if before is None:
            continue

        def refused(index: int, message: str, part: str = part) -> None:
            faults.append(Fault(f"event.{part}[{index}].value", f"{message}; {MUST}"))

        after = rules.applied(before, refused)
        if len(after) != len(before) or any(old is not new for old, new in zip(before, after, strict=True)):
            changed[part] = after
    return changed


def _member(event: Mapping[str, Any], faults: list[Fault]) -> Mapping[str, Any]:
    """`email` of an audience event becomes `sha256`. Both at once is the destination's to refuse."""
    given = [name for name in ("email", "sha256") if name in event]
    if len(given) != 1 or not isinstance(event[given[0]], str):
        return event
    try:
        written = digest("email", event[given[0]])
    except ValueError as error:
        faults.append(Fault(f"event.{given[0]}", f"{error}; {MUST}"))
        return event
    if given == ["sha256"] and written == event["sha256"]:
        return event
    return {"sha256" if key in given else key: written if key in given else value for key, value in event.items()}
