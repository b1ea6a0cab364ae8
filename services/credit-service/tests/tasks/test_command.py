"""The same tasks from the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from holdfast.contracts.credit_notices import TemporaryLimitStarted


async def holdfast(credit: Any, *words: str) -> tuple[int, str, str]:
    """Run the command line against the database of the test."""
    settings = {"HOLDFAST_CREDIT_DATABASE_URL": credit.settings.database_url("credit-service")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast.cli", *words, env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_task_runs_to_its_end_and_says_what_it_did(credit: Any) -> None:
    await credit.pool.execute(
        "INSERT INTO temporary_limit VALUES ($1, 'DE01', 'C-1001', NULL, 5, $2, $3, 'DE01-1')",
        uuid4(), date(2026, 3, 1), date(2026, 3, 31),
    )  # fmt: skip
    line = ("task", "run", "credit-service", "temporary-limits", "--company", "DE01")
    first, again = await holdfast(credit, *line), await holdfast(credit, *line)
    assert first[:2] == (0, "temporary-limits for DE01 as of 2026-03-02: 1 gone through, 1 changed, 0 incomplete\n")
    assert "0 changed" in again[1]
    assert (
        await credit.pool.fetchval("SELECT count(*) FROM outbox WHERE type = $1", TemporaryLimitStarted.event_type) == 1
    )
    trail = await credit.pool.fetch("SELECT what, company FROM audit_trail")
    assert [tuple(row) for row in trail] == [("task.temporary-limits", "DE01")] * 2
    listed = await holdfast(credit, "task", "list", "credit-service")
    assert "due-dates" in listed[1]


async def test_a_journal_that_a_task_has_made_is_named(credit: Any) -> None:
    for statement in (
        "INSERT INTO customer_risk VALUES ('DE01', 'C-1001', 1, 'LOW', now(), 1)",
        "INSERT INTO customer_risk_value VALUES ('DE01', 'C-1001', 'DNB', 'A2', NULL, DEFAULT, 1, now())",
        "INSERT INTO automatic_limit_rule VALUES ('DE01', 'LOW', 'EUR', NULL, 'highest', 1)",
        "INSERT INTO automatic_limit_line VALUES ('DE01', 'LOW', 'EUR', 1, 'DNB', '=', 'A2', NULL, 300000)",
    ):
        await credit.pool.execute(statement)
    line = ("task", "run", "credit-service", "automatic-limits", "--company", "DE01")
    done = await holdfast(credit, *line, "--option", "new_to=2026-12-31", "--option", "description=Spring")
    assert done[:2] == (0, "automatic-limits for DE01 as of 2026-03-02: 1 gone through, 1 changed, 0 incomplete, "
                           "made ADJ-000001\n")  # fmt: skip
    kept = await credit.pool.fetchrow("SELECT description, new_limit, new_to FROM adjustment_journal, adjustment_line")
    assert tuple(kept) == ("Spring", 300_000, date(2026, 12, 31))


async def test_adjustments_are_generated_by_command(credit: Any) -> None:
    await credit.pool.execute(
        """INSERT INTO credit_profile (company, customer, version, currency, credit_limit, changed_at, changed_by)
           VALUES ('DE01', 'C-1001', 1, 'EUR', 1000, now(), 'kim')"""
    )
    line = ["task", "run", "credit-service", "generate-adjustments", "--company", "DE01"]
    for option in ("source=existing_customers", "adjustment_value=10", "value_type=percentage", "date_method=absolute",
                   "new_to=2026-12-31", "description=Yearly"):  # fmt: skip
        line += ["--option", option]
    done = await holdfast(credit, *line)
    assert done[:2] == (0, "generate-adjustments for DE01 as of 2026-03-02: 1 gone through, 1 changed, 0 incomplete, "
                           "made ADJ-000001\n")  # fmt: skip
    kept = await credit.pool.fetchrow("SELECT description, new_limit, new_to FROM adjustment_journal, adjustment_line")
    assert tuple(kept) == ("Yearly", 1_100, date(2026, 12, 31))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("due-dates", "--company", "XX"), "erp.company.changed.v1"),
        (("nonsense", "--company", "DE01"), "choose temporary-limits"),
        (("due-dates", "--company", "DE01", "--as-of", "2026-03-03"), "future"),
        (("due-dates", "--company", "DE01", "--as-of", "tomorrow"), "2026-03-31"),
        (("delete-statistics", "--company", "DE01", "--option", "keep_months"), "NAME=VALUE"),
        (("delete-statistics", "--company", "DE01", "--option", "delete_until=2026-03-01"), "statistics window"),
    ],
)
async def test_what_cannot_be_run_is_said_in_a_sentence(credit: Any, words: tuple[str, ...], says: str) -> None:
    code, _, error = await holdfast(credit, "task", "run", "credit-service", *words)
    assert (code, says in error, "Traceback" in error) == (2, True, False), error
    assert await credit.pool.fetchval("SELECT count(*) FROM task_run") == 0
