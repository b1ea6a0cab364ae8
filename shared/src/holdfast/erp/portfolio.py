"""What credit controllers add to limits: risk classes, insurance and guarantees, limits shared by companies,
temporary limits, and higher ones that wait for approval.

Each is one function over the API of credit-service; what it does follows from the master data alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from holdfast.contracts.currencies import QUANTA
from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.erp.api import Api

SCORING = {
    "SINCE": ("customer_since", (("0", "3", "40"), ("4", "6", "20"), ("7", "200", "0"))),
    "PAYMENT": ("average_payment_days", (("0", "30", "0"), ("31", "45", "30"), ("46", "9999", "60"))),
}
"""Scoring groups: what is measured, and the points of each range (both ends included)."""
CLASSES = {"LOW": ("0", "35", "green"), "MEDIUM": ("36", "60", "yellow"), "HIGH": ("61", "100", "red")}
"""Risk groups: the total points from and to, and the colour."""
TASKS = ("statistics", "risk-scores")
INSURED_EVERY, GUARANTEED_EVERY = 7, 17
"""One customer in so many."""
POLICY_TYPE = "CREDIT"
INSURED, GUARANTEED = ("insurance", "Atlas Credit Insurance", "25"), ("guarantee", "Harbour Bank", "10")
"""Kind, who vouches, and the share of the policy's value that adds to the limit, percent."""
SHARING, GROUPS, GROUP_CURRENCY = ("DE01", "US01"), ("NORTH", "SOUTH"), "EUR"
SHARE_OF_THE_SUM, STEP = Decimal("0.35"), Decimal(500)
"""A group's limit is so much of the sum of its members' own ones: what one does not use, the other may."""

SEASON, SEASON_DAYS, SEASONAL_EVERY, SEASONAL_FACTOR = 6, 45, 9, Decimal("1.5")
"""From the review of which month on, for how many days, one customer in so many may owe so many times the limit."""
PROPOSED, PROPOSED_PERCENT = 12, "10"
"""The month whose review proposes to raise the limits of the best class, by so many percent."""
ADJUSTMENTS = "/v1/adjustments"


async def score(credit: Api, company: str) -> None:
    """Say by what the customers of a company are scored, and which totals make which class."""
    for name, (measured, lines) in SCORING.items():
        ranges = [{"from_value": low, "to_value": high, "score": points} for low, high, points in lines]
        body = {"group_type": measured, "score_type": "range", "lines": ranges}
        await credit.put(f"/v1/scoring-groups/{company}/{name}", body)
    for name, (low, high, colour) in CLASSES.items():
        body = {"score_from": low, "score_to": high, "indicator": colour}
        await credit.put(f"/v1/risk-groups/{company}/{name}", body)


async def classify(credit: Api, company: str, day: date) -> None:
    """Measure how the customers of a company pay, then score and classify them as of a day."""
    for task in TASKS:
        await credit.send("POST", f"/v1/tasks/{task}/runs", {"company": company, "as_of": day.isoformat()})


async def insure(credit: Api, customers: Sequence[CustomerChanged], currencies: Mapping[str, str]) -> None:
    """Add an insurance or a guarantee for some of these customers, all of whom have a limit."""
    for company in sorted({master.company for master in customers}):
        await credit.put(f"/v1/master-data/policy-types/{company}/{POLICY_TYPE}", {"description": "credit cover"})
    for master in customers:
        for every, policy in ((INSURED_EVERY, INSURED), (GUARANTEED_EVERY, GUARANTEED)):
            if _number(master) % every == 0:
                await credit.send("POST", "/v1/policies", _policy(master, currencies[master.company], policy))


async def form_groups(credit: Api, customers: Sequence[CustomerChanged], currencies: Mapping[str, str]) -> None:
    """Let the first customers of one company share a limit with the first of another, pair by pair."""
    pairs = zip(*([m for m in customers if m.company == company] for company in SHARING), strict=False)
    for name, members in zip(GROUPS, pairs, strict=False):
        await credit.put(f"/v1/credit-groups/{name}", _group(name, members))
        for master in members:
            member = {"company": master.company, "customer": master.customer}
            await credit.send("POST", f"/v1/credit-groups/{name}/members", member)


async def lend_for_the_season(
    credit: Api, company: str, customers: Sequence[CustomerChanged], currency: str, day: date
) -> None:
    """Post temporary limits for some customers of a company, who buy more in that season."""
    lines = [
        {"customer": m.customer, "new_limit": _more(m, currency), "new_from_date": day.isoformat(),
         "new_to_date": (day + timedelta(days=SEASON_DAYS)).isoformat()}
        for m in customers
        if m.company == company and _number(m) % SEASONAL_EVERY == 0
    ]  # fmt: skip
    if lines:
        body = {"company": company, "type": "temporary_credit_limit", "description": f"Season {day.year}",
                "lines": lines}  # fmt: skip
        made = (await credit.send("POST", ADJUSTMENTS, body)).body
        await credit.send("POST", f"{ADJUSTMENTS}/{made['number']}/post", {})


async def propose(credit: Api, company: str, day: date) -> None:
    """Propose higher limits for the best class; from now on somebody else has to approve such a journal."""
    steps = [{"name": "credit manager", "permission": "approvals:decide"}]
    await credit.put(f"/v1/workflows/{company}/credit-limit-adjustment", {"active": True, "steps": steps})
    body = {
        "company": company, "type": "credit_limit", "description": f"Review {day.year}",
        "source": "existing_customers", "risk_group": next(iter(CLASSES)), "value_type": "percentage",
        "adjustment_value": PROPOSED_PERCENT, "round_off": str(STEP), "rounding_form": "up",
        "date_method": "absolute", "new_to": date(day.year + 1, 12, 31).isoformat(),
    }  # fmt: skip
    made = (await credit.send("POST", f"{ADJUSTMENTS}/generate", body)).body
    if made["lines"]:
        await credit.send("POST", f"{ADJUSTMENTS}/{made['number']}/submit", {"note": "good payers"})


def _more(master: CustomerChanged, currency: str) -> dict[str, str]:
    assert master.credit_limit is not None
    return {"amount": f"{(master.credit_limit * SEASONAL_FACTOR).quantize(QUANTA[currency]):f}", "currency": currency}


def _number(master: CustomerChanged) -> int:
    return int("".join(filter(str.isdigit, master.customer)) or 0)


def _policy(master: CustomerChanged, currency: str, policy: tuple[str, str, str]) -> dict[str, Any]:
    kind, insurer, percent = policy
    assert master.credit_limit is not None
    return {
        "company": master.company, "customer": master.customer, "kind": kind, "type": POLICY_TYPE,
        "insurer_guarantor": insurer,
        "identification": f"{kind[:3].upper()}-{master.customer}", "effective_from": "2000-01-01",
        "expires_on": "2199-12-31", "update_credit_limit_pct": percent,
        "value": {"amount": f"{master.credit_limit.quantize(QUANTA[currency]):f}", "currency": currency},
    }  # fmt: skip


def _group(name: str, members: Sequence[CustomerChanged]) -> dict[str, Any]:
    own = sum((m.credit_limit for m in members if m.credit_limit is not None), Decimal(0))
    shared = STEP * (1 + own * SHARE_OF_THE_SUM // STEP)
    return {
        "owner_company": members[0].company, "description": f"{name} of {len(members)} companies",
        "credit_limit": {"amount": f"{shared:f}", "currency": GROUP_CURRENCY}, "expiry_date": "2199-12-31",
    }  # fmt: skip
