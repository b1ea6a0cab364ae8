"""docs/guarantee.md says which test proves which row; this says whether that is so."""

from __future__ import annotations

import re

import pytest
from tests.architecture.test_house_rules import ROOT, functions

PAGE = (ROOT / "docs" / "guarantee.md").read_text()
ROW = re.compile(r"^\| (4\.[45]) row (\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
FAULTS = [*range(1, 8), *range(9, 12), *range(14, 17), *range(18, 26), *range(32, 35)]
PROMISED = [("4.4", n) for n in FAULTS] + [("4.5", n) for n in range(1, 16)]
"""Every interleaving, and the faults that concern what is built."""
PROVED = {(table, int(row)): re.findall(r"`([^`]+)`", tests) for table, row, tests in ROW.findall(PAGE)}


@pytest.mark.parametrize(("table", "row"), PROMISED)
def test_every_promised_row_has_its_test(table: str, row: int) -> None:
    assert PROVED.get((table, row)), f"docs/guarantee.md names no test for {table} row {row}"


@pytest.mark.parametrize(("table", "row"), PROVED)
def test_every_test_named_exists_and_is_named_after_its_row(table: str, row: int) -> None:
    for named in PROVED[table, row]:
        path, _, name = named.partition("::")
        assert name in {function.name for function in functions(ROOT / path)}, named
        assert re.search(rf"row_{table.replace('.', '_')}_{row}(?!\d)", name), named


def test_every_test_of_a_row_is_named() -> None:
    """Nothing that proves a row is missing from the page."""
    named = {name for names in PROVED.values() for name in names}
    folders = [ROOT / "tests", ROOT / "shared" / "tests", *(ROOT / "services").glob("*/tests")]
    found = {
        f"{path.relative_to(ROOT)}::{function.name}"
        for folder in folders
        for path in folder.rglob("test_*.py")
        for function in functions(path)
        if re.search(r"row_4_[45]_\d", function.name)
    }
    assert found == named


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|shared|docs)/[\w./-]+?)(?:::\w+)?`", PAGE))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()
