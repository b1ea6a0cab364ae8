"""Every limit or policy that takes effect is told once and in order, whatever the door (spec 1.8-1.12, section 4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from holdfast.contracts.credit_notices import LimitChanged, PolicyChanged, TemporaryLimitEnded, TemporaryLimitStarted
from holdfast.database.work import set_business_clock

NAMES = {
    cls.event_type: cls.__name__ for cls in (LimitChanged, PolicyChanged, TemporaryLimitEnded, TemporaryLimitStarted)
}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def told(desk: Any, *types: type[Any], customer: str = "C-1") -> list[dict[str, Any]]:
    """Payloads of these types about a customer, in order."""
    await desk.credit.published()
    wanted = [cls.event_type for cls in types]
    rows = await desk.credit.pool.fetch("SELECT type, payload FROM outbox WHERE type = ANY($1) ORDER BY seq", wanted)
    found = [orjson.loads(row["payload"]) | {"name": NAMES[row["type"]]} for row in rows]
    return [payload for payload in found if payload.get("customer") == customer]


async def limits(desk: Any, customer: str = "C-1") -> list[tuple[str, str, str, str]]:
    """Source, permanent limit, and which one was and is in force, of every change after the fixture's."""
    found = (await told(desk, LimitChanged, customer=customer))[1:]
    return [(p["source"], p["credit_limit"], p["former_limit_in_force"], p["limit_in_force"]) for p in found]


async def at(desk: Any, day: int) -> None:
    async with desk.credit.pool.acquire() as connection:
        await set_business_clock(connection, datetime(2026, 3, day, 12, tzinfo=UTC))


async def announce(desk: Any) -> None:
    answer = await desk.call("POST", "/v1/tasks/temporary-limits/runs", {"company": "DE01"})
    assert answer.status_code == 201, answer.text


async def post(desk: Any, *lines: dict[str, Any]) -> None:
    path = await desk.journal(*lines, kind="temporary_credit_limit")
    posted = await desk.call("POST", f"{path}/post", {})
    assert posted.status_code == 200, posted.text


def temporary(amount: str, first: str, last: str, **more: Any) -> dict[str, Any]:
    return {"customer": "C-1", "new_limit": eur(amount), "new_from_date": first, "new_to_date": last, **more}


async def test_a_limit_set_by_hand_is_told_once_and_another_field_is_not(desk: Any) -> None:
    await desk.limit("C-1", "90000", "2026-09-30")
    (first, second) = await told(desk, LimitChanged)
    assert (first["former_limit"], first["credit_limit"], first["source"]) == ("0", "100000", "manual")
    assert (second["former_limit"], second["credit_limit"], second["limit_in_force"]) == ("100000", "90000", "90000")
    assert (second["former_expiry_date"], second["credit_limit_expiry_date"]) == ("2026-06-30", "2026-09-30")
    await desk.limit("C-1", "90000", "2026-09-30")
    assert len(await told(desk, LimitChanged)) == 2


async def test_an_approved_raise_is_told_when_it_takes_effect(desk: Any) -> None:
    await desk.workflow("credit-profile-change")
    body = {"credit_limit": eur("110000"), "credit_limit_expiry_date": "2026-06-30"}
    asked = await desk.call("PUT", "/v1/credit-profiles/DE01/C-1", body, tag='"1"')
    assert (asked.status_code, len(await told(desk, LimitChanged))) == (202, 1)
    approval = asked.json()["approval"]
    assert (await desk.approve(approval)).status_code == 200
    event = (await told(desk, LimitChanged))[1]
    assert (event["source"], event["reference"], event["credit_limit"]) == ("approval", approval["id"], "110000")


async def test_the_expiry_that_a_group_gives_its_members_is_told(desk: Any) -> None:
    body = {"owner_company": "DE01", "credit_limit": eur("9"), "expiry_date": "2026-12-31"}
    assert (await desk.call("PUT", "/v1/credit-groups/G-1", body, tag="*")).status_code == 200
    member = {"company": "DE01", "customer": "C-1"}
    assert (await desk.call("POST", "/v1/credit-groups/G-1/members", member)).status_code == 200
    assert (await desk.call("PUT", "/v1/credit-groups/G-1", body | {"description": "x"}, tag='"2"')).status_code == 200
    path = await desk.journal({"credit_group": "G-1", "new_limit": eur("10"), "new_to_date": "2027-01-31"})
    assert (await desk.call("POST", f"{path}/post", {})).status_code == 200
    found = (await told(desk, LimitChanged))[1:]
    assert [(p["source"], p["reference"], p["credit_limit_expiry_date"]) for p in found] == [
        ("group", "G-1", "2026-12-31"), ("group", "G-1", "2027-01-31")]  # fmt: skip


async def test_a_policy_is_told_when_it_is_added_changed_and_removed(desk: Any) -> None:
    body = {"company": "DE01", "customer": "C-1", "kind": "insurance", "type": "GENERAL",
            "insurer_guarantor": "E", "value": eur("500"),
            "effective_from": "2026-01-01", "expires_on": "2026-12-31", "update_credit_limit_pct": "50"}  # fmt: skip
    made = await desk.call("POST", "/v1/policies", body)
    path = f"/v1/policies/{made.json()['id']}"
    assert (await desk.call("PUT", path, body | {"value": eur("400")}, tag='"1"')).status_code == 200
    assert (await desk.call("DELETE", path, tag='"2"')).status_code == 204
    found = await told(desk, PolicyChanged)
    assert [(p["version"], p["policy"]["value"], p["deleted"], p["changed_by"]) for p in found] == [
        (1, "500.00", False, "kim"), (2, "400.00", False, "kim"), (3, "400.00", True, "kim")]  # fmt: skip
    assert len({p["policy"]["id"] for p in found}) == 1


async def test_a_temporary_limit_comes_into_force_and_goes_by_its_dates(desk: Any) -> None:
    await post(desk, temporary("150000", "2026-03-03", "2026-03-04"))
    seen = []
    for day in (2, 3, 3, 4, 5, 6):
        await at(desk, day)
        await announce(desk)
        seen.append(len(await limits(desk)))
    assert seen == [0, 1, 1, 1, 2, 2]
    assert await limits(desk) == [
        ("temporary", "100000", "100000", "150000"), ("temporary", "100000", "150000", "100000")]  # fmt: skip


async def test_one_that_is_posted_on_its_first_day_is_told_with_the_journal(desk: Any) -> None:
    await post(desk, temporary("150000", "2026-03-01", "2026-03-04"))
    await announce(desk)
    events = (await told(desk, LimitChanged, TemporaryLimitStarted))[1:]
    assert [event["name"] for event in events] == ["TemporaryLimitStarted", "LimitChanged"]
    assert await limits(desk) == [("temporary", "100000", "100000", "150000")]


@pytest.mark.parametrize("worked", [(4,), (3, 4), ()])
async def test_one_follows_the_other_and_missed_days_are_made_up_for(desk: Any, worked: tuple[int, ...]) -> None:
    await post(desk, temporary("150000", "2026-03-03", "2026-03-03"), temporary("70000", "2026-03-04", "2026-03-05"))
    for day in (*worked, 6):
        await at(desk, day)
        await announce(desk)
    assert await limits(desk) == [
        ("temporary", "100000", "100000", "150000"), ("temporary", "100000", "150000", "70000"),
        ("temporary", "100000", "70000", "100000")]  # fmt: skip


async def test_one_that_takes_anothers_place_ends_it(desk: Any) -> None:
    await post(desk, temporary("150000", "2026-03-01", "2026-03-31"))
    (row,) = (await desk.call("GET", "/v1/temporary-limits")).json()["items"]
    more = {"replaces_temporary_id": row["id"]}
    await post(desk, temporary("120000", "2026-03-02", "2026-03-20", **more))
    events = await told(desk, TemporaryLimitStarted, TemporaryLimitEnded)
    assert [(e["name"], e["amount"]) for e in events] == [
        ("TemporaryLimitStarted", "150000"), ("TemporaryLimitEnded", "150000"),
        ("TemporaryLimitStarted", "120000")]  # fmt: skip
    assert await limits(desk) == [
        ("temporary", "100000", "100000", "150000"), ("temporary", "100000", "150000", "120000")]  # fmt: skip


async def test_a_permanent_limit_that_changes_under_a_temporary_one_does_not_come_into_force(desk: Any) -> None:
    await post(desk, temporary("150000", "2026-03-01", "2026-03-31"))
    await desk.limit("C-1", "200000")
    assert (await limits(desk))[1] == ("manual", "200000", "150000", "150000")
