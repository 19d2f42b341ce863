"""In which order the processes of a run get the test files: what takes longest first, so that all end together.

A unit is a file, or a folder whose tests share a running forwarder: one process has them all, and starts it once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from xdist.scheduler import LoadFileScheduling

SHARING = ("tests/apis/", "tests/browser/", "tests/outcomes/")
LONGEST = (  # more than some ten seconds, the longest first (`--durations=0` tells); what is not here comes after them
    "tests/apis/",
    "tests/browser/",
    "tests/shutdown/test_stopping.py",
    "tests/outcomes/",
    "tests/buffer/test_machine.py",
    "tests/intake/test_intake.py",
    "tests/brokers/test_rabbit.py",
    "tests/cli/test_runbook.py",
    "tests/integration/test_up.py",
    "tests/chaos/kills/test_kills_beside_delivery.py",
    "tests/integration/test_replay_in_worker.py",
    "tests/shutdown/test_broken.py",
    "tests/spool/test_processes.py",
    "tests/intake/test_killed.py",
    "tests/redis/test_troubles.py",
    "tests/buffer/test_six_hours.py",
    "tests/integration/test_promises.py",
    "tests/chaos/test_storm.py",
    "tests/chaos/kills/test_kills.py",
    "tests/integration/test_worker_ends.py",
    "tests/integration/test_nothing_leaks.py",
    "tests/cli/test_enqueue_csv.py",
    "tests/intake/test_redis_reader.py",
    "tests/spool/test_outage.py",
    "tests/cli/test_check.py",
    "tests/chaos/kills/test_effects.py",
    "tests/integration/test_demo.py",
    "tests/integration/test_status.py",
    "tests/redis/test_failover.py",
    "tests/integration/test_replay.py",
    "tests/chaos/test_loss_table.py",
    "tests/integration/test_settings.py",
    "tests/intake/test_envelope.py",
    "tests/spool/test_spool.py",
    "tests/sandbox/test_questions.py",
    "tests/buffer/test_standing.py",
    "tests/sandbox/test_hostile_others.py",
    "tests/query/test_client.py",
    "tests/unit/test_architecture.py",
)


def unit_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((folder for folder in SHARING if file.startswith(folder)), file)


def rank(unit: str) -> int:
    return LONGEST.index(unit) if unit in LONGEST else len(LONGEST)


class LongestFirst(LoadFileScheduling):  # type: ignore[misc]
    """The order is made when the first process is about to get its first unit."""

    workqueue: OrderedDict[str, dict[str, bool]]  # unit -> its tests

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        if not any(self.assigned_work.values()):
            self.workqueue = OrderedDict(sorted(self.workqueue.items(), key=lambda each: rank(each[0])))
        super()._assign_work_unit(node)
