from __future__ import annotations

import argparse

from tests.benchmarks.compare.running import Case, run

p = argparse.ArgumentParser()
p.add_argument("--only")
p.add_argument("--workload")
p.add_argument("--mode")
p.add_argument("--rounds", type=int, default=1)
p.add_argument("--events", type=int, default=20000)
p.add_argument("--sink-ms", type=float, default=0)
p.add_argument("--tls", action="store_true")
a = p.parse_args()
for _ in range(a.rounds):
    print(run(Case(a.only, a.workload, a.mode, a.events, a.sink_ms, a.tls)))
