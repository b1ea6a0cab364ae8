"""The statements of a check keep the plan of their first runs, made while tables are empty: it must go by the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hold_service.checkpoints.store import FREED_BY
from hold_service.checks.store import HELD_ON_LOADS, READ
from hold_service.groups.store import LOCK_ALL, MEMBERS, OF_PARTIES
from hold_service.rechecks.lessened import OF_CREDITS, OF_SETTLEMENTS
from hold_service.rechecks.store import MARK
from holdfast.database.bulk import columns
from holdfast.database.work import Work, transaction
from holdfast.receivables.position_statements import POSITIONS, POSITIONS_ADDED_UP

PARTIES = [("DE01", f"C-{n}") for n in range(50)]
ATTEMPTS = [("DE01", f"O-{n}", "invoice", "A") for n in range(50)]
SMALL = {"company", "consumer_offset", "hold_reason", "setup", "rate_stamp"}
"""One row of a partition, of a company, or found by the hold alone."""


def statements(work: Work) -> dict[str, tuple[str, list[Any]]]:
    positions = [*columns(PARTIES), None, work.business_now, ["[]"] * 50, [None] * 50]
    names = [f"{company}/{customer}" for company, customer in PARTIES]
    return {
        "checks": (
            READ,
            [*columns(PARTIES), *columns(ATTEMPTS), names, [], [], work.business_now, [], [], *positions, 40],
        ),
        "loads": (HELD_ON_LOADS, [["DE01"] * 50, [f"L-{n}" for n in range(50)]]),
        "positions": (POSITIONS, [*positions, None]),
        "positions added up": (POSITIONS_ADDED_UP, [*positions, ['[[null, "O-1"]]'] * 50]),
        "memberships": (OF_PARTIES, columns(PARTIES)),
        "members": (MEMBERS, [["G-1"]]),
        "lock": (LOCK_ALL, [["G-1"]]),
        "mark": (MARK, [*columns(PARTIES), [""] * 50, ["P-1"] * 50, work.business_now, 20, 3]),
        "freed by": (FREED_BY, columns(PARTIES)),
        "worth of credits": (OF_CREDITS, columns(PARTIES)),
        "worth of settlements": (OF_SETTLEMENTS, columns(PARTIES)),
    }


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", [
    "checks", "loads", "positions", "positions added up", "memberships", "members", "lock", "mark", "freed by",
    "worth of credits", "worth of settlements",
])  # fmt: skip
async def test_plans_made_while_tables_are_empty_go_by_the_keys(hold: Any, name: str, analysed: bool) -> None:
    if analysed:
        await hold.pool.execute("ANALYZE")
    async with transaction(hold.pool) as work:
        await work.conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        statement, arguments = statements(work)[name]
        plan = (await work.conn.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))[0]["Plan"]
    scans = [n for n in nodes(plan) if "Scan" in n["Node Type"] and n.get("Relation Name") not in {None, *SMALL}]
    assert scans
    for scan in scans:
        condition = scan.get("Index Cond") or scan.get("Recheck Cond") or ""
        assert " = " in re.sub(r"\bcompany = ", "", condition), (
            scan["Relation Name"],
            scan.get("Index Name"),
            condition,
        )
