"""The SQL of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.database.work import Work

FIELDS = (
    "company", "kind", "rule_type", "valid_for", "account_or_group", "risk_group", "value", "value_type", "currency",
    "threshold_percent", "account_status", "payment_term", "release_sales_order", "outcome", "checkpoints",
    "active_from", "active_to", "enabled",
)  # fmt: skip
WRITTEN = ("id", *FIELDS, "version", "changed_at")
READ = f"SELECT id, {', '.join(FIELDS)}, version FROM rule"
WRITE = f"""
INSERT INTO rule ({", ".join(WRITTEN)}) VALUES ({", ".join(f"${n}" for n in range(1, len(WRITTEN) + 1))})
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in WRITTEN[1:])}
"""


async def page_of_rules(
    work: Work, companies: list[str] | None, company: str | None, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Rules by id; `companies` None stands for all."""
    return list(
        await work.conn.fetch(
            f"""{READ} WHERE ($1::text[] IS NULL OR company = ANY($1)) AND ($2::text IS NULL OR company = $2)
                AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4""",
            companies,
            company,
            after,
            limit,
        )
    )


async def read_rule(work: Work, rule_id: UUID, *, lock: bool = False) -> asyncpg.Record | None:
    """One rule."""
    return await work.conn.fetchrow(f"{READ} WHERE id = $1{' FOR UPDATE' if lock else ''}", rule_id)


async def write_rule(work: Work, rule_id: UUID, version: int, fields: Mapping[str, Any]) -> None:
    """Insert or replace a rule."""
    await work.conn.execute(WRITE, rule_id, *(fields[name] for name in FIELDS), version, work.business_now)


async def delete_rule(work: Work, rule_id: UUID) -> None:
    """Remove a rule; decisions keep what they looked at."""
    await work.conn.execute("DELETE FROM rule WHERE id = $1", rule_id)
