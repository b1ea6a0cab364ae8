"""What credit-service tells of policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bus import outbox
from holdfast.contracts.credit import CreditPolicy
from holdfast.contracts.credit_notices import PolicyChanged
from holdfast.database.work import Work

Shown = dict[str, Any]
SAME = ("id", "kind", "update_credit_limit_pct", "included_in_exposure", "effective_from", "expires_on")


async def publish_policies(
    work: Work, changes: Sequence[tuple[str, str, Shown | None, Shown | None]], who: str
) -> None:
    """Tell of policies that were added, changed or removed: company, customer, and the policy before and after as the
    API shows it. The customers are locked."""
    await outbox.emit(work, [_event(work, *change, who) for change in changes])


def _event(
    work: Work, company: str, customer: str, before: Shown | None, after: Shown | None, who: str
) -> PolicyChanged:
    policy = after or before or {}
    fields = {name: policy[name] for name in SAME}
    return PolicyChanged(
        company=company, customer=customer, sequence=1,
        policy=CreditPolicy(value=policy["value"]["amount"], currency=policy["value"]["currency"], **fields),
        version=policy["version"] if after else policy["version"] + 1, deleted=after is None,
        changed_at=work.business_now, changed_by=who,
    )  # fmt: skip
