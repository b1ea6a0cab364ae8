"""Edges of the hold list over HTTP that nobody has asked for yet."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("reasons")


async def test_an_evaluation_of_a_hold_of_another_company_says_that_there_is_none(
    hold: Any, ask: Any, person: Any
) -> None:
    await hold.set_up(limit="100")
    (answer,) = await hold.check(ask.request("O-1", "600"))
    eve = await person("eve", ["administer"], ["US01"])
    done = await eve.post("/holds/evaluate", {"holds": [answer["hold"]]})
    assert done.status_code == 404, done.text


async def test_a_hold_that_has_ended_is_told_by_an_evaluation_of_it(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    (answer,) = await hold.check(ask.request("O-1", "600"))
    await kim.act(answer["hold"], "release", reason="PAID")
    done = await kim.post("/holds/evaluate", {"holds": [answer["hold"]]})
    assert [item["outcome"] for item in done.json()["items"]] == ["ended"], done.text


async def test_the_list_goes_on_by_cursor_whatever_it_is_sorted_by_and_misses_none(
    hold: Any, ask: Any, kim: Any
) -> None:
    await hold.set_up(limit="1")
    await hold.check(*(ask.request(f"O-{n}", f"{100 * (n % 3 + 1)}") for n in range(7)))
    for number in range(1, 8, 2):
        await kim.send("PATCH", f"/holds/H-{number:06}", {"review_date": f"2026-04-0{number}"}, "*")
    for sort in ("review_date", "-review_date", "order_total", "-sales_total", "notes", "-closed_at", "active"):
        found, cursor = [], None
        while True:
            page = await kim.get("/holds", sort=sort, limit=2, **({"cursor": cursor} if cursor else {}))
            found += [item["hold"] for item in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
        assert sorted(found) == [f"H-{n:06}" for n in range(1, 8)], sort


async def test_a_stale_version_in_bulk_fails_its_line_alone(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    one, two = await hold.check(ask.request("O-1", "600"), ask.request("O-2", "600"))
    await kim.send("PATCH", f"/holds/{one['hold']}", {"notes": "x"}, "*")
    lines = [{"hold": one["hold"], "version": 1}, {"hold": two["hold"], "version": 1}]
    done = (await kim.post("/holds/bulk", {"action": "release", "holds": lines, "reason": "PAID"})).json()
    assert [(item["ok"], item.get("problem", {}).get("status")) for item in done["items"]] == [
        (False, 412),
        (True, None),
    ]


async def test_what_is_asked_for_twice_under_one_key_is_done_once(hold: Any, ask: Any, client: Any, key: Any) -> None:
    await hold.set_up(limit="100")
    (answer,) = await hold.check(ask.request("O-1", "600"))
    body = {"action": "release", "holds": [{"hold": answer["hold"]}], "reason": "PAID"}
    headers = key()
    first, again = [await client.post("/v1/holds/bulk", json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert [kind for kind, _ in await hold.published()].count("hold.order.released.v1") == 1


async def test_a_ready_hold_would_pass_and_says_so(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    await hold.parameters(auto_release=False)
    (answer,) = await hold.check(ask.request("O-1", "600"))
    await hold.facts(ask.profile("600", 2))
    await hold.recheck()
    found = await kim.get(f"/holds/{answer['hold']}/to-pass")
    assert (found["would_pass"], found["items"]) == (True, [])


async def test_a_release_with_posting_of_a_pro_forma_sends_its_request_back(hold: Any, ask: Any, kim: Any) -> None:
    await hold.set_up(limit="100")
    (answer,) = await hold.check(ask.request("O-1", "600", proforma=True, posting_request={"j": 1}))
    await kim.act(answer["hold"], "release", reason="PAID", mode="with_posting")
    (released,) = [e for kind, e in await hold.published() if kind == "hold.order.released.v1"]
    assert released["posting_request"] == {"j": 1}


async def test_an_order_released_twice_on_a_day_counts_twice_and_is_held_again_once(
    hold: Any, ask: Any, kim: Any
) -> None:
    await hold.set_up(limit="100")
    await hold.facts(ask.order("O-1", "600"))
    for attempt, amount in (("1", "200"), ("2", "600")):
        (answer,) = await hold.check(ask.request("O-1", "600", attempt))
        await kim.act(answer["hold"], "release", reason="PAID", up_to_amount=amount)
    (row,) = (await kim.get("/hold-reports/releases"))["items"]
    assert (row["releases"], row["held_again"], row["value"]["amount"]) == (2, 1, "800.00")


async def test_the_same_order_number_in_two_companies_is_two_holds(hold: Any, ask: Any, kim: Any, person: Any) -> None:
    await hold.set_up(limit="100")
    await hold.pool.execute("INSERT INTO checkpoint SELECT 'US01', document, true, true, 1 FROM checkpoint")
    await hold.facts(
        ask.event("erp.company.changed.v1", company="US01"), ask.event("erp.company.went-live.v1", company="US01"),
        ask.event("erp.customer.changed.v1", company="US01"), ask.profile("10", company="US01"),
    )  # fmt: skip
    await hold.pool.execute(
        """INSERT INTO rule (id, company, kind, rule_type, valid_for, value, enabled, version, changed_at)
           SELECT gen_random_uuid(), 'US01', kind, rule_type, valid_for, value, enabled, 1, changed_at FROM rule"""
    )
    mine, other = await hold.check(ask.request("O-1", "600"), ask.request("O-1", "600", company="US01"))
    assert mine["hold"] != other["hold"]
    eve = await person("eve", ["administer"], ["US01"])
    assert [(h["company"], h["order"]) for h in await eve.holds(order="O-1")] == [("US01", "O-1")]
    assert (await eve.act(other["hold"], "release", reason="PAID")).json()["errors"][0]["field"] == "reason"
    assert (await eve.act(mine["hold"], "reject")).status_code == 404
