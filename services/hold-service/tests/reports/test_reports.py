"""The credit manager's reports over HTTP (spec 5)."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


async def in_us01(hold: Any, ask: Any) -> None:
    """A second company with a hold of 40 over a limit of 10."""
    await hold.pool.execute("INSERT INTO checkpoint VALUES ('US01', 'confirmation', true, true, 1)")
    await hold.pool.execute(
        """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
           SELECT gen_random_uuid(), 'US01', kind, rule_type, valid_for, value, enabled, 1, changed_at FROM rule"""
    )
    await hold.facts(
        ask.event("erp.company.changed.v1", company="US01"), ask.event("erp.company.went-live.v1", company="US01"),
        ask.event("erp.customer.changed.v1", company="US01"), ask.profile("10", company="US01"),
    )  # fmt: skip
    await hold.check(ask.request("U-1", "40", company="US01"))


async def test_open_holds_by_company_age_reason_and_value(hold: Any, ask: Any, kim: Any, person: Any) -> None:
    await hold.set_up(limit="100", rules={"credit_limit_used": "100", "days_overdue": "10"})
    await hold.facts(ask.invoice("I-1", "50", due="2026-01-31"))
    await hold.check(ask.request("O-1", "600"))
    await hold.today("2026-03-06")
    await hold.check(ask.request("O-2", "7000"))
    await in_us01(hold, ask)
    found = await kim.get("/hold-reports/open")
    assert [(r["company"], r["holds"], r["value"], r["oldest_days"]) for r in found["by_company"]] == [
        ("DE01", 2, {"amount": "7600.00", "currency": "EUR"}, 4),
        ("US01", 1, {"amount": "40.00", "currency": "EUR"}, 0),
    ]
    assert [(r["age"], r["holds"], r["value"]["amount"]) for r in found["by_age"]] == [
        ("today", 2, "7040.00"), ("3-7 days", 1, "600.00")]  # fmt: skip
    assert {r["reason"]: (r["holds"], r["value"]["amount"]) for r in found["by_reason"]} == {
        "credit_exceeded": (3, "7640.00"), "open_transactions_overdue": (2, "7600.00")}  # fmt: skip
    assert [(r["from_value"], r["holds"], r["value"]["amount"]) for r in found["by_value"]] == [
        ("10", 1, "40.00"), ("100", 1, "600.00"), ("1000", 1, "7000.00")]  # fmt: skip
    eve = await person("eve", ["see"], ["US01"])
    theirs = await eve.get("/hold-reports/open")
    assert [row["company"] for row in theirs["by_company"]] == ["US01"]
    assert (await eve.get("/hold-reports/open", company="DE01"))["by_age"] == []


async def test_releases_by_user_and_what_became_of_them(hold: Any, ask: Any, kim: Any, person: Any) -> None:
    await hold.set_up(limit="100")
    orders = {name: f"{amount}" for name, amount in (("O-1", 600), ("O-2", 700), ("O-3", 800), ("O-4", 900))}
    await hold.facts(*(ask.order(name, total) for name, total in orders.items()))
    answers = await hold.check(*(ask.request(name, total) for name, total in orders.items()))
    ben = await person("ben")
    for who, answer in zip((kim, kim, kim, ben), answers, strict=True):
        assert (await who.act(answer["hold"], "release", reason="PAID", mode="with_posting")).status_code == 200
    await hold.facts(
        ask.invoice("I-1", "600", order="O-1"), ask.payment("P-1", "600", ("I-1", "600")),
        ask.invoice("I-2", "700", order="O-2", due="2026-03-01"), ask.invoice("I-4", "900", order="O-4"),
        ask.event("erp.order.cancelled.v1", order="O-3", version=9),
    )  # fmt: skip
    await hold.check(ask.request("O-4", "900", "again"))
    found = await kim.get("/hold-reports/releases")
    shown = [
        (r["released_by"], r["reason"], r["releases"], r["value"]["amount"], r["held_again"], r["cancelled"],
         r["paid"], r["overdue"]) for r in found["items"]
    ]  # fmt: skip
    assert shown == [("ben", "PAID", 1, "900.00", 1, 0, 0, 0), ("kim", "PAID", 3, "2100.00", 0, 1, 1, 1)]
    assert (await kim.get("/hold-reports/releases", to="2026-03-01"))["items"] == []


async def test_what_was_paid_late_counts_as_late_and_days_are_those_of_the_company(
    hold: Any, ask: Any, kim: Any
) -> None:
    await hold.set_up(limit="100")
    await hold.facts(ask.event("erp.company.changed.v1", version=9, time_zone="Pacific/Auckland"))
    totals = {"O-1": "600", "O-2": "700", "O-3": "800"}
    await hold.facts(*(ask.order(name, total) for name, total in totals.items()))
    for answer in await hold.check(*(ask.request(name, total) for name, total in totals.items())):
        await kim.act(answer["hold"], "release", reason="PAID", mode="with_posting")
    await hold.facts(
        *(ask.invoice(name.replace("O", "I"), total, order=name, due="2026-03-01") for name, total in totals.items()),
        ask.payment("P-1", "600", ("I-1", "600"), on="2026-03-01"),
        ask.payment("P-2", "700", ("I-2", "700"), on="2026-03-02"),
    )  # fmt: skip
    (row,) = (await kim.get("/hold-reports/releases"))["items"]
    assert (row["paid"], row["paid_late"], row["overdue"], row["later_overdue"]) == (1, 1, 1, 2)
    assert (await kim.get("/hold-reports/releases", to="2026-03-02"))["items"] == []


async def test_turnaround_of_holds_that_ended(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    answers = await hold.check(ask.request("O-1", "600"), ask.request("O-2", "700"), ask.request("O-3", "900"))
    await hold.today("2026-03-03")
    await kim.act(answers[0]["hold"], "release", reason="PAID")
    await hold.today("2026-03-05")
    await kim.act(answers[1]["hold"], "reject", reason="PAID")
    await hold.facts(ask.profile("5000", 2))
    await hold.recheck()
    found = (await kim.get("/hold-reports/turnaround"))["items"]
    assert [(r["closed_as"], r["how"], r["holds"], r["mean_hours"], r["longest_hours"]) for r in found] == [
        ("rejected", "by a person", 1, "72.00", "72.00"), ("released", "automatic", 1, "72.00", "72.00"),
        ("released", "by a person", 1, "24.00", "24.00"),
    ]  # fmt: skip
    only = (await kim.get("/hold-reports/turnaround", **{"from": "2026-03-03", "to": "2026-03-03"}))["items"]
    assert [(r["closed_as"], r["value"]["amount"]) for r in only] == [("released", "600.00")]


async def test_a_period_that_ends_before_it_begins_is_refused(kim: Any) -> None:
    wrong = await kim.client.get("/v1/hold-reports/turnaround?from=2026-03-05&to=2026-03-01")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "from")
