"""A change of a policy, by whatever door it comes: kept, told, and asked for where it raises the limit (spec 1.17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
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
from credit_service.room.model import Standing, basis, raises, resulting_limit
from credit_service.room.reading import changed_standing, read_standing
from holdfast.approvals.kinds import Asked
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.limits import Policy
from holdfast.receivables.model import Party
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


def standing_after(standing: Standing, number: UUID, wanted: Wanted | None) -> Standing:
    """How much a customer may owe with a policy as it shall be; None removes it."""
    others = tuple(policy for policy in standing.policies if policy.id != str(number))
    if wanted is None:
        return replace(standing, policies=others)
    kept = Policy(id=str(number), **{field.name: wanted.fields[field.name] for field in fields(Policy)[1:]})
    return replace(standing, policies=(*others, kept))


def lets_owe_more(before: Standing, after: Standing, wanted: Wanted | None) -> bool:
    """Whether a policy as it shall be raises; in another currency it may do so on another day."""
    if wanted is not None and wanted.before is not None and wanted.before["currency"] != wanted.fields["currency"]:
        return True
    return raises(before, after)


def basis_of(standing: Standing, row: Any) -> dict[str, Any]:
    """What a change is asked on: what decides how much may be owed, and the policy as it is, if it is."""
    return basis(standing) | {"policy": None if row is None else shown_policy(row)}


async def must_ask(work: Work, party: Party, number: UUID, wanted: Wanted | None) -> bool:
    """Whether a policy of a locked customer as it shall be, None when it is removed, lets them owe more, where the
    company has that approved. Raises Problem 422 when a rate lacks."""
    if not await raising.must_ask(work, party[0]):
        return False
    standing = await read_standing(work, party)
    before, after = await changed_standing(work, standing, standing_after(standing, number, wanted))
    return lets_owe_more(before, after, wanted)


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


async def remove(work: Work, number: UUID, who: str, reason: str | None) -> None:
    """Remove a policy of a locked customer, and tell of it."""
    row = await store.read_policy(work, number)
    assert row is not None
    await store.delete_policy(work, number)
    await tell(work, [(row["company"], row["customer"], shown_policy(row), None)], who, reason)


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


async def _standing(work: Work, proposal: dict[str, Any]) -> Standing:
    return await read_standing(work, (proposal["company"], proposal["customer"]))


async def _wanted(work: Work, proposal: dict[str, Any]) -> Wanted | None:
    """The policy that was asked for; None: its removal."""
    number, found = UUID(proposal["policy"]), proposal["fields"]
    if found is None:
        return None
    found = found | {name: date.fromisoformat(found[name]) for name in ("effective_from", "expires_on")}
    found |= {name: Decimal(found[name]) for name in ("value", "update_credit_limit_pct")}
    return Wanted(number, await store.read_policy(work, number), found)


async def _basis(work: Work, proposal: dict[str, Any]) -> Any:
    return basis_of(await _standing(work, proposal), await store.read_policy(work, UUID(proposal["policy"])))


async def _amount(work: Work, proposal: dict[str, Any]) -> Decimal:
    standing, wanted = await _standing(work, proposal), await _wanted(work, proposal)
    after = standing_after(standing, UUID(proposal["policy"]), wanted)
    return resulting_limit(*await changed_standing(work, standing, after))


async def _take_effect(work: Work, proposal: dict[str, Any], asked: Asked) -> None:
    wanted = await _wanted(work, proposal)
    if wanted is None:
        await remove(work, UUID(proposal["policy"]), asked.requester, asked.reason)
    else:
        await make(work, [wanted], asked.requester, asked.reason)


raising.DOORS["policy"] = Door(_lock, _basis, _amount, _take_effect)
