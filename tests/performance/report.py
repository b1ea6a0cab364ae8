"""What a benchmark answers, the table that is printed, and `build/bench.json`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "build" / "bench.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: ours against the bare loop of the same run, medians over the runs, and the ratio's spread."""

    name: str
    transport: str
    value: float
    unit: str
    bare: float
    ratio: float
    goal: float
    met: bool
    runs: int
    ratio_low: float
    ratio_high: float


def result(
    name: str,
    transport: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    goal: float,
    better: Literal["more", "less"] = "more",
) -> Result:
    """Make a result of `(ours, bare)` pairs, one per run; `goal` is a floor or a ceiling of the ratio."""
    ratios = sorted(ours / bare for ours, bare in pairs)
    ratio = statistics.median(ratios)
    return Result(
        name=name,
        transport=transport,
        value=round(statistics.median(ours for ours, _ in pairs), 2),
        unit=unit,
        bare=round(statistics.median(bare for _, bare in pairs), 2),
        ratio=round(ratio, 3),
        goal=goal,
        met=ratio >= goal if better == "more" else ratio <= goal,
        runs=len(pairs),
        ratio_low=round(ratios[0], 3),
        ratio_high=round(ratios[-1], 3),
    )


def show(results: Sequence[Result]) -> str:
    """The table for a terminal."""
    names = ("benchmark", "bus", "ours", "bare", "unit", "ratio", "spread", "goal")
    head = "{:34} {:9} {:>12} {:>12} {:7} {:>7} {:>15} {:>6}".format(*names)
    rows = [
        f"{r.name:34} {r.transport:9} {r.value:12,.1f} {r.bare:12,.1f} {r.unit:7} {r.ratio:7.2f} "
        f"{r.ratio_low:7.2f}-{r.ratio_high:<7.2f} {r.goal:6.2f} {'met' if r.met else 'MISSED'}"
        for r in results
    ]
    return "\n".join([head, *rows])


def write(results: Sequence[Result]) -> Path:
    """Write the results as a JSON list; a run of one benchmark keeps the others' last figures."""
    FILE.parent.mkdir(exist_ok=True)
    kept = json.loads(FILE.read_text()) if FILE.exists() else []
    fresh = {(r.name, r.transport) for r in results}
    kept = [r for r in kept if (r["name"], r["transport"]) not in fresh]
    FILE.write_text(json.dumps(kept + [asdict(r) for r in results], indent=1) + "\n")
    return FILE
