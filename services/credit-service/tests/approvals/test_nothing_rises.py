"""Whatever one person does at whichever doors, nobody may owe more before another has approved it (spec 1.17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from credit_service.room.model import Standing, raises
from credit_service.room.reading import read_standings
from holdfast.database.work import transaction

PARTIES = (("DE01", "C-1001"), ("DE01", "C-2"), ("US01", "C-1001"))
DAYS = ("2026-03-31", "2026-06-30", "2026-12-31", "2027-12-31")
STEPS = 60
Act = Callable[[Any, Random], Awaitable[Any]]


async def standings(doors: Any) -> dict[tuple[str, str], Standing]:
    async with transaction(doors.credit.pool) as work:
        return await read_standings(work, PARTIES)


def amount(draw: Random) -> str:
    return draw.choice(("0", "0", "50", "100", "1000", "90000"))


async def set_profile(doors: Any, draw: Random) -> Any:
    company, customer = draw.choice(PARTIES)
    fields = {
        "unlimited_credit": draw.random() < 0.1, "exclude_from_credit_management": draw.random() < 0.1,
        "mandatory_credit_limit": draw.random() < 0.5, "confirm_group_limit": True,
        "credit_limit_expiry_date": draw.choice(DAYS),
        "ignore_until_date": draw.choice((None, None, "2026-04-01")),
    }  # fmt: skip
    return await doors.profile(amount(draw), customer, company, **fields)


async def set_policy(doors: Any, draw: Random) -> Any:
    there = (await doors.call("GET", "/v1/policies?company=DE01")).json()["items"]
    number = draw.choice([None, *(policy["id"] for policy in there)])
    customer = next((p["customer"] for p in there if p["id"] == number), draw.choice(("C-1001", "C-2")))
    return await doors.policy(
        draw.choice(("0", "10", "5000")), draw.choice(("0", "50", "100")), number, customer=customer,
        included_in_exposure=draw.random() < 0.5, effective_from=draw.choice(("2026-01-01", "2026-05-01")),
        expires_on=draw.choice(DAYS[1:]),
    )  # fmt: skip


async def drop_policy(doors: Any, draw: Random) -> Any:
    there = (await doors.call("GET", "/v1/policies?company=DE01")).json()["items"]
    if there:
        path = f"/v1/policies/{draw.choice(there)['id']}"
        return await doors.call("DELETE", path, tag=(await doors.call("GET", path)).headers["etag"])
    return None


async def set_group(doors: Any, draw: Random) -> Any:
    return await doors.group(amount(draw), draw.choice(("EUR", "USD")), draw.choice(DAYS))


async def move(doors: Any, draw: Random) -> Any:
    company, customer = draw.choice(PARTIES)
    return await doors.join(customer, company, leave=draw.random() < 0.5)


async def post_journal(doors: Any, draw: Random) -> Any:
    owner = draw.choice(({"customer": "C-1001"}, {"customer": "C-2"}, {"credit_group": "G-1"}))
    kind = draw.choice(("credit_limit", "temporary_credit_limit"))
    line = {**owner, "new_limit": {"amount": amount(draw), "currency": "EUR"}, "new_to_date": draw.choice(DAYS)}
    if kind == "temporary_credit_limit":
        line["new_from_date"] = draw.choice(("2026-03-02", "2026-03-31"))
    made = await doors.call("POST", "/v1/adjustments", {"company": "DE01", "type": kind, "lines": [line]})
    if made.status_code != 201:
        return made
    path = f"/v1/adjustments/{made.json()['number']}"
    if draw.random() < 0.3:
        await doors.call("POST", f"{path}/submit", {"confirm_group_limit": True})
    return await doors.call("POST", f"{path}/post", {"confirm_group_limit": True})


async def set_parameters(doors: Any, draw: Random) -> Any:
    path = f"/v1/credit-parameters/{draw.choice(('DE01', 'US01'))}"
    body = {
        "allow_manual_limit_edit": True, "check_customer_credit_groups": draw.random() < 0.7,
        "credit_limit_type": draw.choice(("none", "balance", "balance_and_all")),
        "flagged_policy_mode": draw.choice(("exposure_only", "reduce_limit")),
        "credit_management_enabled": draw.random() < 0.9,
    }  # fmt: skip
    return await doors.call("PUT", path, body, tag=(await doors.call("GET", path)).headers["etag"])


async def approve_own(doors: Any, draw: Random) -> Any:
    waiting = (await doors.call("GET", "/v1/approvals?state=approval_pending&limit=200")).json()["items"]
    act = draw.choice(("approve", "recall"))
    return await doors.call("POST", f"/v1/approvals/{draw.choice(waiting)['id']}/{act}", {}) if waiting else None


ACTS: tuple[Act, ...] = (
    set_profile, set_profile, set_policy, drop_policy, set_group, move, post_journal, post_journal, set_parameters,
    approve_own,
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
async def test_nobody_may_owe_more_before_another_person_approves(doors: Any, seed: int) -> None:
    draw = Random(seed)
    for company in ("DE01", "US01"):
        await doors.parameters(company, check_customer_credit_groups=True, flagged_policy_mode="reduce_limit")
    await doors.credit.facts(doors.made("erp.customer.changed.v1", customer="C-2"))
    for company, customer in PARTIES:
        await doors.profile("500", customer, company, credit_limit_expiry_date="2026-12-31")
    await doors.group("400")
    await doors.join()
    await doors.join(company="US01")
    await doors.policy("1000", "50", included_in_exposure=True)
    for company in ("DE01", "US01"):
        await doors.workflow(company=company)
    done: list[str] = []
    for _ in range(STEPS):
        before, act = await standings(doors), draw.choice(ACTS)
        answer = await act(doors, draw)
        after = await standings(doors)
        done.append(f"{act.__name__}: {answer.status_code if answer is not None else None}")
        assert answer is None or answer.status_code < 500, answer.text
        risen = [party for party in PARTIES if raises(before[party], after[party])]
        assert not risen, (risen, done[-1], answer.request.content, before[risen[0]], after[risen[0]])
    assert {act.__name__ for act in ACTS} <= {line.split(":")[0] for line in done}
