"""Personal fields at the edge: which of them are hashed or left out before an event leaves the process."""

from producers.privacy.rules import Mode, Privacy

__all__ = ["Mode", "Privacy"]
