"""The storm: no event is lost, whatever dies. `python -m tests.chaos.storm --seconds 600 --seed 1`, or `make storm`.

Producers enqueue events of all destinations while workers, processes of their pools and Redis are killed and the
sandbox fails in every way it knows. Afterwards everything must have been accepted, in order, or be dead for the
sandbox's own reason; the ledger must have balanced at every look; and every duplicate must have a reason.

A seed repeats the plan: which kill comes when and to which worker, how long Redis stays away, which faults the sandbox
has when and by which draws, the events of each producer and which of them will be refused. It does not repeat what
the machine's own timing decides: what a victim was just doing, and which request meets which draw.

Exit status: 0 every promise was kept, 1 one was not (the folder with logs and data is kept and told), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from producers.settings import buffer_settings
from tests.chaos.crowd import Crowd
from tests.chaos.evidence import Evidence, accepted_by, read_logs
from tests.chaos.plan import Faults, Plan
from tests.chaos.stage import Stage, staged
from tests.chaos.summary import Summary, summary_of
from tests.chaos.watch import Watch
from tests.chaos.weather import rage
from tests.integration.support import Cli


def run(plan: Plan, folder: Path) -> Summary:
    """A whole storm, with its logs and data in `folder`."""
    with staged(plan, folder) as stage:
        failed, seen = _weathered(plan, stage, folder)
    seen.write(folder / "evidence.json")
    return summary_of(plan, seen, failed)


def _weathered(plan: Plan, stage: Stage, folder: Path) -> tuple[list[str], Evidence]:
    crowd, watch = Crowd(plan, stage.environ), Watch(buffer_settings(stage.environ))
    watch.start()
    crowd.start()
    weather = rage(plan, stage)
    entries = crowd.stop()
    patience = 60 + plan.seconds / 4
    cli = Cli(stage.environ, folder, within_s=patience + 30)
    drained = cli.run("drain", "--timeout", f"{patience:g}", "--json")
    looks = watch.stop()
    failed = [f"not drained within {patience:g} s: {drained.err}"] if drained.status else []
    return failed, Evidence(
        entries=entries,
        accepted=accepted_by(stage.sandbox),
        letters=cli.letters(),
        ledger=cli.done("status", "--json").json,
        looks=looks,
        weather=weather,
        logs=read_logs(folder),
        by_status=stage.sandbox.summary()["requests"]["by_status"],
        died=stage.died,
        gave_up=stage.gave_up,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description="No event is lost, whatever dies.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=250, help="events a second")
    parser.add_argument(
        "--poison",
        action=argparse.BooleanOptionalAction,
        default=Faults().poison,
        help="also refuse whole requests for one event in them",
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    plan = Plan(asked.seconds, asked.seed, asked.rate, faults=Faults(poison=asked.poison))
    folder = Path(tempfile.mkdtemp(prefix=f"storm-{plan.seed}-"))
    sys.stderr.write(f"storm of {plan.seconds:g} s, seed {plan.seed}, in {folder}\n")
    summary = run(plan, folder)
    if asked.json:
        sys.stdout.write(json.dumps(summary.as_json()) + "\n")
    else:
        Console().print(summary.table())
    for line in summary.broken:
        sys.stderr.write(f"{line}\n")
    if not summary.passed:
        sys.stderr.write(f"seed {plan.seed}; logs and data are kept in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
