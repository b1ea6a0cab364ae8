"""A change of a policy, by whatever door it comes: kept, told, and asked for where it raises the limit (spec 1.17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from credit_service import raising
from credit_service.policies import store
from credit_service.policies.publishing import publish_policies
from credit_service.profiles.publishing import publish
from credit_service.profiles.store import next_versions
from credit_service.raising import Door
from holdfast.approvals.flow import Asked
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts
from holdfast.web import audit
from holdfast.web.money import money


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy as it shall be: `before` is its row, None for a new one; `fields` as they are stored."""

    number: UUID
    before: Any
    fields: dict[str, Any]


def subject_of(number: UUID) -> str:
    """A policy as an approval names it."""
    return f"policy {number}"


def proposal_of(wanted: Wanted) -> dict[str, Any]:
    """What is asked for."""
    return {"customer": wanted.fields["customer"], "policy": str(wanted.number), "fields": wanted.fields}


def basis_of(row: Any) -> list[dict[str, Any]]:
    """What an approval of a change is asked on: the policy as it is, if it is."""
    return [] if row is None else [shown_policy(row)]


async def make(work: Work, wanted: Sequence[Wanted], who: str, reason: str | None) -> list[asyncpg.Record]:
    """Keep policies of locked customers, and tell of them; answers their rows in the same order."""
    rows = await store.write_policies(
        work, [(w.number, (w.before["version"] if w.before else 0) + 1, w.fields) for w in wanted]
    )
    pairs = [
        (shown_policy(w.before) if w.before else None, shown_policy(row)) for w, row in zip(wanted, rows, strict=True)
    ]
    await tell(
        work, [(row["company"], row["customer"], *pair) for row, pair in zip(rows, pairs, strict=True)], who, reason
    )
    return rows


async def tell(work: Work, entries: Sequence[audit.Entry], who: str, reason: str | None) -> None:
    """Audit changes of policies, and tell of their customers anew."""
    parties = sorted({(company, customer) for company, customer, *_ in entries})
    await audit.record_many(work, who=who, what="policy.changed", why=reason, entries=entries)
    await next_versions(work, parties, who)
    await publish(work, parties, who, reason)
    await publish_policies(work, entries, who)


def shown_policy(row: Any) -> dict[str, Any]:
    """A policy as the API shows it."""
    return {name: row[name] for name in store.FIELDS if name not in ("value", "currency")} | {
        "id": str(row["id"]), "value": money(row["value"], row["currency"]), "version": row["version"],
        "update_credit_limit_pct": str(row["update_credit_limit_pct"]),
    }  # fmt: skip


async def _lock(work: Work, proposal: dict[str, Any]) -> None:
    await lock_accounts(work, {(proposal["company"], proposal["customer"])})


async def _basis(work: Work, proposal: dict[str, Any]) -> Any:
    return basis_of(await store.read_policy(work, UUID(proposal["policy"])))


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    number, fields = UUID(proposal["policy"]), dict(proposal["fields"])
    fields |= {name: date.fromisoformat(fields[name]) for name in ("effective_from", "expires_on")}
    fields |= {name: Decimal(fields[name]) for name in ("value", "update_credit_limit_pct")}
    wanted = Wanted(number, await store.read_policy(work, number), fields)
    await make(work, [wanted], asked.requester, asked.reason)


raising.DOORS["policy"] = Door(_lock, _basis, _take_effect)
