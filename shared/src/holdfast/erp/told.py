"""What the APIs tell after a replay: how credit was set up, and why one order waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.contracts.holds import OrderHeld
from holdfast.erp.answers import Answers
from holdfast.erp.api import Api

PAGE = 500


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit groups, policies and adjustment journals as the API shows them; customers by risk class."""

    groups: Sequence[Mapping[str, Any]]
    policies: Sequence[Mapping[str, Any]]
    classes: Counter[str]
    journals: Sequence[Mapping[str, Any]]

    def lines(self) -> Iterator[str]:
        """The text."""
        yield "Credit beside the limits:"
        for group in self.groups:
            members = " and ".join(f"{m['customer']} of {m['company']}" for m in group["members"])
            yield f"  credit group {group['group']}: {members} share {_money(group['credit_limit'])}"
        kinds = Counter(policy["kind"] for policy in self.policies)
        yield "  policies: " + (", ".join(f"{count} {kind}s" for kind, count in sorted(kinds.items())) or "none")
        classes = ", ".join(f"{count} {name}" for name, count in sorted(self.classes.items()))
        yield f"  risk classes: {classes or 'nobody is classified yet'}"
        yield from self._adjustments()

    def _adjustments(self) -> Iterator[str]:
        lent = [j for j in self.journals if j["type"] == "temporary_credit_limit" and j["posted"]]
        yield f"  temporary limits: {sum(j['lines'] for j in lent)} in {len(lent)} posted journals"
        for journal in self.journals:
            if journal["approval_status"] == "approval_pending":
                text = f"{journal['description']}, {journal['lines']} limits"
                yield f"  adjustment {journal['number']} of {journal['company']} waits for approval: {text}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one order is held, in the sentences of its decision."""

    decision: str
    sentences: Sequence[str]

    def lines(self) -> Iterator[str]:
        """The text."""
        yield f"Why one of them is held (GET /v1/decisions/{self.decision} of hold-service):"
        for sentence in self.sentences:
            yield f"  {sentence}"


async def credit_of(credit: Api, companies: Sequence[str]) -> Credit:
    """Read groups, policies, adjustments and risk classes."""
    classes: Counter[str] = Counter()
    for company in companies:
        async for row in _all(credit, f"/v1/customer-risks/{company}"):
            classes[row["risk_group"] or "unclassified"] += 1
    groups = [row async for row in _all(credit, "/v1/credit-groups")]
    policies = [row async for row in _all(credit, "/v1/policies")]
    return Credit(groups, policies, classes, [row async for row in _all(credit, "/v1/adjustments")])


async def explain(hold: Api, answers: Answers) -> Explanation | None:
    """The explanation of one hold: one that still stands before others, then over the limit, then the newest."""
    if not answers.holds:
        return None
    chosen = max(answers.holds.items(), key=lambda item: _worth(item[0], item[1], answers))[1]
    found = (await hold.get(f"/v1/decisions/{chosen.decision}")).body
    return Explanation(chosen.decision, found["sentences"])


def _worth(key: tuple[str, str], hold: OrderHeld, answers: Answers) -> tuple[bool, bool, str, str, str]:
    stands = key not in answers.released and key not in answers.cancelled
    return stands, "credit_exceeded" in hold.reasons, str(hold.check_date), hold.company, hold.order


async def _all(api: Api, path: str) -> AsyncIterator[Mapping[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        body = (await api.get(f"{path}?limit={PAGE}" + (f"&cursor={cursor}" if cursor else ""))).body
        for row in body["items"]:
            yield row
        cursor = body["next_cursor"]


def _money(shown: Mapping[str, str]) -> str:
    return f"{shown['amount']} {shown['currency']}"
