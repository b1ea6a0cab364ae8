"""The SQL of rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from holdfast.database.work import Work

READ = "SELECT id, company, kind, rule_type, valid_for, value, active_from, active_to, enabled, version FROM rule"


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


async def write_rule(work: Work, rule_id: UUID, version: int, fields: dict[str, Any]) -> None:
    """Insert or replace a rule."""
    await work.conn.execute(
        """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, active_from, active_to, enabled,
                             version, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (id) DO UPDATE
           SET kind = excluded.kind, rule_type = excluded.rule_type, valid_for = excluded.valid_for,
               value = excluded.value, active_from = excluded.active_from, active_to = excluded.active_to,
               enabled = excluded.enabled, version = excluded.version, changed_at = excluded.changed_at""",
        rule_id, fields["company"], fields["kind"], fields["rule_type"], fields["valid_for"], fields["value"],
        fields["active_from"], fields["active_to"], fields["enabled"], version, work.business_now,
    )  # fmt: skip


async def delete_rule(work: Work, rule_id: UUID) -> None:
    """Remove a rule; decisions keep what they looked at."""
    await work.conn.execute("DELETE FROM rule WHERE id = $1", rule_id)
