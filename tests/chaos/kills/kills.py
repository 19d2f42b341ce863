"""Every effect with the scenes in which a process is killed at it, and what may come twice then."""

from __future__ import annotations

from typing import NamedTuple

from producers.effects import Moment
from tests.chaos.kills import edit_scenes as edit
from tests.chaos.kills import erase_scenes as erase
from tests.chaos.kills import intake_scenes as intake
from tests.chaos.kills import replay_scenes as replays
from tests.chaos.kills import scenes
from tests.chaos.kills import spool_scenes as spool
from tests.chaos.kills import token_scenes as tokens
from tests.chaos.kills.driver import kill
from tests.chaos.kills.ground import BATCH, Ground
from tests.chaos.kills.scenes import Scene


class Kill(NamedTuple):
    """At the n-th time of an effect. `before`, `after`: how many events come twice if it is then."""

    name: str
    scene: type[Scene] = Scene
    nth: int = 1
    before: int = 0
    after: int = 0

    def __str__(self) -> str:
        return f"{self.name}-{self.scene.__name__}-{self.nth}"


ALL = Scene.events
OF_DELIVERY = (
    Kill("agree", scenes.Agreed),
    Kill("append", scenes.Enqueued),
    Kill("withhold", scenes.Withheld),
    Kill("claim"),
    Kill("claim", nth=2, before=BATCH),  # it travels with the settlement of the first
    Kill("post", after=BATCH),
    Kill("post", nth=3, after=ALL - 2 * BATCH),
    Kill("post", scenes.Hasty, after=ALL),
    Kill("settle", before=BATCH),
    Kill("settle", nth=3, before=ALL - 2 * BATCH),
    Kill("claim", scenes.Session, nth=2, before=BATCH),
    Kill("post", scenes.Session, nth=2, after=BATCH),
    Kill("settle", scenes.Session, nth=2, before=BATCH),
    Kill("split", scenes.SpoiltSession, nth=2),
    Kill("dead letter", scenes.SpoiltSession),
    Kill("dead letter", scenes.Refused, before=BATCH - 1),
    Kill("dead letter", scenes.Spoilt),
    Kill("split", scenes.Spoilt),
    Kill("split", scenes.Spoilt, nth=2),
    Kill("retry", scenes.Away),
    Kill("limit", scenes.Limited),
    Kill("park", scenes.Unauthorized),
    Kill("replay", scenes.Replayed, nth=2),
    Kill("enlist", replays.Begun),
    Kill("begin", replays.Begun),
    Kill("replay", replays.Running),
    Kill("steer", replays.Steered),
    Kill("discard", scenes.Discarded, nth=2),
    Kill("edit", edit.Edited),
    Kill("audit", edit.Edited),
    Kill("import", scenes.Imported, nth=2),
    Kill("erase", erase.Erased),
    Kill("erase", erase.Erased, nth=2),
    Kill("blank", erase.Delivered),
    Kill("audit", erase.Erased),
    Kill("pause", scenes.Paused),
    Kill("resume", scenes.Resumed),
)
OF_THE_REST = (
    Kill("token lock", tokens.Token),
    Kill("post", tokens.Token),
    Kill("token request", tokens.Token),
    Kill("token keep", tokens.Token),
    Kill("token failure over", tokens.Token),
    Kill("token unlock", tokens.Token),
    Kill("token failure", tokens.TokenAway),
    Kill("token unlock", tokens.TokenAway),
    Kill("token forget", tokens.TokenRevoked),
    Kill("give back", tokens.TokenRevoked),
    Kill("take", intake.Queued),
    Kill("append", intake.Queued),
    Kill("end take", intake.Queued),
    Kill("reject", intake.Faulty),
    Kill("restore takes", intake.Lapsed),
    Kill("restore noted", intake.Noted, nth=2),
    Kill("intake letters lock", intake.Reentered),
    Kill("append", intake.Reentered, nth=3),
    Kill("discard", intake.Reentered),
    Kill("intake letters unlock", intake.Reentered),
    Kill("declare queue", intake.OverKombu),
    Kill("receive", intake.OverKombu),
    Kill("append", intake.OverKombu),
    Kill("acknowledge", intake.OverKombu, nth=2),
    Kill("leave queue", intake.KombuEnds),
    Kill("spool write", spool.Spooling),
    Kill("spool adopt", spool.Flushing),
    Kill("spool delete", spool.Flushing),
    Kill("spool delete", spool.Flushing, nth=2),
    Kill("spool erase", spool.Forgetting),
    Kill("spool remove", spool.Flushing),
    # These change nothing that an event depends on.
    Kill("dispatch", scenes.Looked),
    Kill("declare queue", scenes.Looked),
    Kill("send task", scenes.Looked),
    Kill("note task"),
    Kill("drop note"),
    Kill("drop note", scenes.TooLate),
    Kill("beat", scenes.Living),
    Kill("add up"),
    Kill("sample", scenes.Looked),
    Kill("leave", scenes.Living),
    Kill("check terms", scenes.Starting),
    Kill("end by force", scenes.Hanging),
)


def promises_hold(each: Kill, moment: Moment, ground: Ground) -> None:
    """Runs the scene, kills its process, goes on with another, and looks at what came of the events."""
    scene = each.scene(ground, moment, each.name)
    scene.prepare()
    kill(scene.act, ground.env, moment, each.name, each.nth)
    ground.balances()
    scene.right_after()
    scene.go_on()
    ground.balances()
    arrived = ground.accepted(scene.account)
    assert set(arrived) == set(scene.expected)
    twice = each.after if moment == "after" else each.before
    assert max(arrived.values(), default=0) <= 2
    assert sum(arrived.values()) - len(arrived) in ([twice] if scene.exact or not twice else range(1, twice + 1))
    assert scene.buried in (None, ground.codes())
    scene.at_the_end()
