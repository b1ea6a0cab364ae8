"""The fact box over real HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

PATH = "/v1/fact-boxes/DE01/C-1001"


async def test_everything_about_a_customer_in_one_call(credit: Any, client: httpx.AsyncClient, made: Any) -> None:
    await credit.facts(
        made("erp.invoice.posted.v1", document="I-1", amount="119.00", tax_amount="19.00", due_date="2026-03-20"),
        made("erp.invoice.posted.v1", document="I-2", amount="238.00", tax_amount="38.00", due_date="2026-02-20",
             document_date="2026-02-01"),
        made("erp.invoice.posted.v1", document="I-3", amount="50.00", tax_amount="0.00", due_date="2025-11-01",
             document_date="2025-10-01"),
        made("erp.payment.posted.v1", document="P-1", amount="20.00", document_date="2026-03-01", applications=[]),
    )  # fmt: skip
    body = {"credit_limit": {"amount": "1000", "currency": "EUR"}}
    headers = {"if-none-match": "*", "idempotency-key": str(uuid4())}
    await client.put("/v1/credit-profiles/DE01/C-1001", json=body, headers=headers)
    box = (await client.get(PATH)).json()
    assert box["exposure"]["balance"]["amount"] == "387.00"
    assert (box["exposure"]["limit"]["amount"], box["exposure"]["used_percent"]) == ("1000.00", "38.70")
    (ages,) = box["aging"]
    assert (ages["currency"], ages["items"]) == ("EUR", 3)
    amounts = [ages[name]["amount"] for name in ("not_due", "1_30", "31_60", "61_90", "over_90")]
    assert amounts == ["119.00", "238.00", "0.00", "0.00", "50.00"]
    assert (box["last_payment"]["document"], box["last_payment"]["amount"]["amount"]) == ("P-1", "20.00")
    assert (box["statistics"], box["risk"], box["held_orders"]) == (None, None, [])
    policy = {"company": "DE01", "customer": "C-1001", "kind": "insurance", "type": "GENERAL",
              "insurer_guarantor": "Euler",
              "effective_from": "2026-01-01", "expires_on": "2026-12-31",
              "value": {"amount": "500", "currency": "USD"}}  # fmt: skip
    answer = await client.post("/v1/policies", json=policy, headers={"idempotency-key": str(uuid4())})
    assert answer.status_code == 201, answer.text
    await credit.pool.execute("""INSERT INTO temporary_limit VALUES
        (gen_random_uuid(), 'DE01', 'C-1001', NULL, 1500, '2026-04-02', '2026-04-09', 'J')""")
    await credit.facts(made("erp.payment.posted.v1", document="P-2", amount="1.00", applications=[]))
    box = (await client.get(PATH)).json()
    assert [p["value"] for p in box["policies"]] == [{"amount": "500.00", "currency": "USD"}]
    assert [t["amount"] for t in box["temporary_limits"]] == [{"amount": "1500.00", "currency": "EUR"}]


async def test_statistics_and_risk_are_those_of_the_last_run(credit: Any, client: httpx.AsyncClient, made: Any) -> None:
    await credit.facts(made("erp.invoice.posted.v1", document="I-1", amount="119.00", tax_amount="19.00"))
    for task in ("statistics", "risk-scores"):
        run = {"company": "DE01"}
        started = await client.post(f"/v1/tasks/{task}/runs", json=run, headers={"idempotency-key": str(uuid4())})
        assert started.status_code in (200, 201, 202), started.text
    box = (await client.get(PATH)).json()
    assert (box["statistics"]["as_of"], box["statistics"]["highest_balance"]["amount"]) == ("2026-03-02", "119.00")


async def test_who_may_not_see_the_company_sees_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/fact-boxes/XX01/C-1001")).status_code == 404
    assert (await client.get("/v1/fact-boxes/DE01/C-404")).status_code == 404


async def test_a_kept_box_is_shown_while_nothing_has_changed(credit: Any, client: httpx.AsyncClient, made: Any) -> None:
    await credit.facts(made("erp.invoice.posted.v1", document="I-1", amount="119.00", tax_amount="19.00"))
    first = (await client.get(PATH)).text
    marked = first.replace('"119.00"', '"-1.00"')
    await credit.pool.execute("UPDATE kept_fact_box SET body = $1", marked)
    assert (await client.get(PATH)).text == marked != first
    await credit.facts(made("erp.payment.posted.v1", document="P-1", amount="9.00", applications=[]))
    assert (await client.get(PATH)).json()["exposure"]["balance"]["amount"] == "110.00"


async def test_a_box_of_a_group_member_is_made_for_who_asks(credit: Any, client: httpx.AsyncClient) -> None:
    await credit.pool.execute("INSERT INTO credit_group VALUES ('G', 'DE01', '', 'EUR', 9, '2026-12-31', false, 1)")
    await client.get(PATH)
    await credit.pool.execute("INSERT INTO credit_group_member VALUES ('DE01', 'C-1001', 'G')")
    assert (await client.get(PATH)).json()["exposure"]["group"]["group"] == "G"
