"""The first schema: shared parts, then credit profiles."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from holdfast.database.migrations import run_script, run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op, "holdfast.database", "0001_base.sql")
    run_script(op, "holdfast.bus", "0001_bus.sql")
    run_script(op, "holdfast.web", "0001_web.sql")
    run_script(op, "holdfast.receivables", "0001_receivables.sql")
    run_script(op, "holdfast.approvals", "0001_approvals.sql")
    for name in ("0001_credit.sql", "0001_adjustments.sql", "0001_risk.sql"):
        run_sql(op, (Path(__file__).parents[1] / "sql" / name).read_text("utf-8"))
