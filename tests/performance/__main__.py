"""`make bench`: run all benchmarks or one, print a table, write `build/bench.json`; one that fails stops no other."""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from importlib import import_module

from tests.performance.report import Result, show, write

from holdfast.platform.collector import collect_by_the_batch

BENCHMARKS = {
    "bus-log": "tests.performance.bus_log",
    "ingest": "tests.performance.ingest",
    "credit-checks": "tests.performance.credit_checks",
    "heavy-checks": "tests.performance.heavy_checks",
    "rechecks": "tests.performance.rechecks",
    "what-if": "tests.performance.what_if",
    "checkpoint-latency": "tests.performance.checkpoint_latency",
    "hot-key": "tests.performance.hot_key",
    "fact-box": "tests.performance.fact_box",
    "generate-adjustments": "tests.performance.generate_adjustments",
    "risk-scores": "tests.performance.risk_scores",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Benchmarks as ratios to a bare loop of the same run.")
    parser.add_argument("--only", choices=sorted(BENCHMARKS), help="run one benchmark")
    parser.add_argument("--runs", type=int, default=3, help="runs of each benchmark (at least 3 for a spread)")
    options = parser.parse_args()
    results: list[Result] = []
    failed: list[str] = []
    collect_by_the_batch()
    for name in [options.only] if options.only else list(BENCHMARKS):
        print(f"running {name} …", file=sys.stderr, flush=True)
        try:
            results += asyncio.run(import_module(BENCHMARKS[name]).run(options.runs))
        except Exception:
            traceback.print_exc()
            failed.append(name)
        path = write(results)
    print(show(results))
    print(f"written to {path}")
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
