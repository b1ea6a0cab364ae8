"""The SQL of parameters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from credit_service.parameters.model import Parameters
from holdfast.database.work import Work


@dataclass(frozen=True, slots=True)
class Kept:
    """Parameters with their version; version 0 are the defaults."""

    parameters: Parameters
    version: int


async def read_parameters(work: Work, company: str, *, lock: bool = False) -> Kept:
    """The parameters of a company."""
    row = await work.conn.fetchrow(
        f"SELECT fields, version FROM credit_parameters WHERE company = $1{' FOR UPDATE' if lock else ''}", company
    )
    return Kept(Parameters(**row["fields"]), row["version"]) if row else Kept(Parameters(), 0)


async def write_parameters(work: Work, company: str, kept: Kept) -> bool:
    """Keep a new version; False when somebody else was first."""
    written = await work.conn.fetchval(
        """INSERT INTO credit_parameters AS p (company, fields, version) VALUES ($1, $2, $3)
           ON CONFLICT (company) DO UPDATE SET fields = excluded.fields, version = excluded.version
           WHERE p.version = excluded.version - 1 RETURNING true""",
        company,
        kept.parameters.model_dump(mode="json"),
        kept.version,
    )
    return bool(written)


async def read_all_parameters(work: Work, companies: Collection[str]) -> dict[str, Parameters]:
    """The parameters of companies; those never set up are absent."""
    rows = await work.conn.fetch(
        "SELECT company, fields FROM credit_parameters WHERE company = ANY($1)", sorted(companies)
    )
    return {row["company"]: Parameters(**row["fields"]) for row in rows}
