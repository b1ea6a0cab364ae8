"""Every row of the test catalogue of credit management (specification, section 6) is played or tested somewhere.

`python -m tests.architecture.test_catalogue` lists them with the places.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from holdfast.scenarios.reading import read_scenarios

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "6.1 Which limit governs": (1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15, 16, 17),
    "6.2 Temporary limits and policies": (18, 19, 21, 22, 23, 24, 25, 26, 28),
    "6.3 Exposure and percentage": (30, 31, 32, 34, 35, 36, 37, 39, 40),
    "6.4 Rules": (42, 43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 56, 57, 58, 59, 60, 61, 62, 63, 65, 66, 67, 68, 69, 70),
    "6.5 Checkpoints and grace": (72, 73, 74, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85),
    "6.6 Hold list": (86, 87, 88, 91, 92, 93, 94, 95, 96, 97, 100, 102, 105, 106, 107, 110, 111, 112),
    "6.7 Adjustments": (113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 125, 127),
    "6.8 Groups, risk, statistics": (
        128, 129, 130, 131, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146),
}  # fmt: skip
IN_NAME = re.compile(r"^rows? (\d+(?:(?:, | and )\d+)*)")
IN_TEST = re.compile(r"^(?:async )?def (test_rows?_(\d+(?:_(?:and_)?\d+)*)_[a-z]\w*)", re.M)
RANGE = re.compile(r"^(?:async )?def (test_rows_(\d+)_to_(\d+)_\w+)", re.M)
OTHER_NUMBERS = re.compile(r"test_row_4_\d")
"""Tests of the engineering notes count by section."""
Found = dict[int, list[str]]


def covered() -> Found:
    """Row -> where it is."""
    found: Found = {}
    for row, place in (*_played(), *_tested()):
        found.setdefault(row, []).append(place)
    return {row: sorted(set(places)) for row, places in sorted(found.items())}


def _played() -> Iterator[tuple[int, str]]:
    for file in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")):
        for written in read_scenarios(file):
            if named := IN_NAME.match(written.scenario.name):
                place = f"{file.relative_to(ROOT)}: {written.scenario.name}"
                yield from ((int(row), place) for row in re.findall(r"\d+", named[1]))


def _tested() -> Iterator[tuple[int, str]]:
    for service in ("credit-service", "hold-service"):
        for file in sorted((ROOT / "services" / service / "tests").rglob("test_*.py")):
            text, place = file.read_text(), file.relative_to(ROOT)
            for name, rows in IN_TEST.findall(text):
                if not OTHER_NUMBERS.match(name):
                    yield from ((int(row), f"{place}::{name}") for row in re.findall(r"\d+", rows))
            for name, first, last in RANGE.findall(text):
                yield from ((row, f"{place}::{name}") for row in range(int(first), int(last) + 1))


def listed() -> Iterator[str]:
    """Each row with its places, a line for each."""
    found = covered()
    for title, rows in SECTIONS.items():
        yield f"{title}:"
        for row in rows:
            for place in found.get(row, ["nowhere"]):
                yield f"  {row:>3}  {place}"


def test_every_row_is_somewhere() -> None:
    found = covered()
    missing = [row for rows in SECTIONS.values() for row in rows if row not in found]
    assert missing == [], "play these rows in tests/scenarios, or test them with the number in the name"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in listed())
