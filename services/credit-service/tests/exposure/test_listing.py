"""The list of exposures beside the single view: the same customers, figures and order, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_service.exposure import store
from credit_service.exposure.model import ORDERS, concentration, reaches
from credit_service.exposure.reading import read_views
from credit_service.exposure.shown import shown_concentration
from holdfast.database.pool import to_json
from holdfast.database.work import set_business_clock, transaction

Made = Callable[..., Any]
COMPANIES = {"DE01": "EUR", "US01": "USD"}
CUSTOMERS = ("A", "B", "C", "D")
PARTIES = [(company, customer) for company in COMPANIES for customer in CUSTOMERS]
START = date(2026, 3, 2)
TABLES = """balance, sales_order, reservation, document, settlement, account, customer, exchange_rate, credit_profile,
credit_policy, credit_group, credit_group_member, temporary_limit, exposure_standing, kept_fact_box,
credit_parameters"""
US_POLICY_TYPE = """INSERT INTO master_data VALUES ('policy-types', 'US01', 'GENERAL', '{}', 1)
ON CONFLICT DO NOTHING"""
RATES = [("EUR", "USD"), ("GBP", "EUR"), ("GBP", "USD")]


def key(**headers: str) -> dict[str, str]:
    return {"idempotency-key": str(uuid4()), **headers}


class Happening:
    """What may change where customers stand, drawn at random."""

    def __init__(self, credit: Any, client: httpx.AsyncClient, made: Made, random: Random) -> None:
        self.credit, self.client, self.made, self.random = credit, client, made, random
        self.number, self.today = 0, START

    async def one(self) -> None:
        """One act."""
        self.number += 1
        act = self.random.choice([
            self.invoice, self.invoice, self.order, self.decision, self.profile, self.profile, self.policy,
            self.temporary, self.group, self.join, self.rate, self.parameters, self.day, self.customer, self.task,
            self.payment, self.scored,
        ])  # fmt: skip
        await act(*self.random.choice(PARTIES))

    def amount(self) -> str:
        return str(self.random.choice((0, 10, 33.33, 500, 1000)))

    async def put(self, path: str, body: Any) -> None:
        found = await self.client.get(path)
        tag = {"if-match": found.headers["etag"]} if found.status_code == 200 else {"if-none-match": "*"}
        answer = await self.client.put(path, json=body, headers=key(**tag))
        assert answer.status_code in (200, 201, 409), answer.text

    async def invoice(self, company: str, customer: str) -> None:
        due = self.today + timedelta(days=self.random.choice((-3, 2)))
        await self.credit.facts(self.made(
            "erp.invoice.posted.v1", company=company, customer=customer, version=self.number,
            document=f"I-{customer}-{self.random.randint(1, 9)}", amount=self.amount(),
            currency=self.random.choice(("EUR", "USD", "GBP")),
            due_date=due.isoformat(), order=None, lines=[], tax_amount="0"))  # fmt: skip

    async def payment(self, company: str, customer: str) -> None:
        await self.credit.facts(self.made(
            "erp.payment.posted.v1", company=company, customer=customer, version=self.number,
            document=f"P-{customer}-{self.random.randint(1, 3)}", amount=self.amount(), currency="EUR",
            document_date=self.today.isoformat(), applications=[]))  # fmt: skip

    async def scored(self, company: str, customer: str) -> None:
        await self.put(f"/v1/risk-groups/{company}/R", {
            "description": f"of {self.number}", "score_from": "0", "score_to": "0", "indicator": "green"})  # fmt: skip
        await self.client.post("/v1/tasks/risk-scores/runs", json={"company": company}, headers=key())

    async def order(self, company: str, customer: str) -> None:
        days = timedelta(days=self.random.choice((0, 40)))
        await self.credit.facts(self.made(
            "erp.order.changed.v1", company=company, customer=customer, version=self.number,
            order=f"O-{customer}-{self.random.randint(1, 5)}", total=self.amount(),
            currency=COMPANIES[company], lines=[],
            requested_delivery_date=(self.today + days).isoformat()))  # fmt: skip

    async def decision(self, company: str, customer: str) -> None:
        kind = self.random.choice(("cleared", "held", "released"))
        await self.credit.facts(self.made(
            f"hold.order.{kind}.v1", company=company, customer=customer, order_version=self.number,
            order=f"O-{customer}-{self.random.randint(1, 7)}", order_amount=self.amount(),
            order_currency=COMPANIES[company], order_total=None))  # fmt: skip

    async def profile(self, company: str, customer: str) -> None:
        await self.put(f"/v1/credit-profiles/{company}/{customer}", {
            "credit_limit": {"amount": self.amount(), "currency": COMPANIES[company]}, "confirm_unknown_customer": True,
            "unlimited_credit": self.random.random() < 0.2, "mandatory_credit_limit": self.random.random() < 0.3,
            "ignore_until_date": self.random.choice((None, (self.today + timedelta(days=5)).isoformat())),
            "confirm_group_limit": True})  # fmt: skip

    async def policy(self, company: str, customer: str) -> None:
        first = self.today + timedelta(days=self.random.choice((-10, 5)))
        await self.client.post("/v1/policies", headers=key(), json={
            "company": company, "customer": customer, "confirm_unknown_customer": True, "kind": "guarantee",
            "type": "GENERAL", "insurer_guarantor": "Bank",
            "effective_from": first.isoformat(), "expires_on": (first + timedelta(days=20)).isoformat(),
            "value": {"amount": self.amount(), "currency": self.random.choice(("EUR", "GBP"))},
            "update_credit_limit_pct": "50"})  # fmt: skip

    async def temporary(self, company: str, customer: str) -> None:
        first = self.today + timedelta(days=self.random.choice((-5, 3)))
        made = await self.client.post("/v1/adjustments", headers=key(), json={
            "company": company, "type": "temporary_credit_limit", "lines": [{
                "customer": customer, "new_limit": {"amount": self.amount(), "currency": COMPANIES[company]},
                "new_from_date": first.isoformat(),
                "new_to_date": (first + timedelta(days=9)).isoformat()}]})  # fmt: skip
        if made.status_code == 201:
            await self.client.post(f"/v1/adjustments/{made.json()['number']}/post", headers=key(), json={})

    async def group(self, company: str, customer: str) -> None:
        await self.put(f"/v1/credit-groups/G-{self.random.randint(1, 2)}", {
            "owner_company": "DE01", "credit_limit": {"amount": self.amount(), "currency": "EUR"},
            "expiry_date": "2026-12-31"})  # fmt: skip

    async def join(self, company: str, customer: str) -> None:
        path = f"/v1/credit-groups/G-{self.random.randint(1, 2)}/members{self.random.choice(('', '', '/remove'))}"
        await self.client.post(path, json={"company": company, "customer": customer}, headers=key())

    async def rate(self, company: str, customer: str) -> None:
        source, target = self.random.choice(RATES)
        await self.credit.facts(self.made(
            "erp.exchange-rate.published.v1", from_currency=source, to_currency=target,
            rate=str(self.random.randint(1, 3)), valid_from=self.today.isoformat(), version=self.number))  # fmt: skip

    async def parameters(self, company: str, customer: str) -> None:
        await self.put(f"/v1/credit-parameters/{company}", {
            "allow_manual_limit_edit": True, "check_customer_credit_groups": self.random.random() < 0.7,
            "open_order_horizon_days": self.random.choice((None, 30)),
            "credit_limit_type": self.random.choice(("balance_and_all", "balance", "none"))})  # fmt: skip

    async def day(self, company: str, customer: str) -> None:
        self.today += timedelta(days=self.random.choice((1, 4)))
        async with self.credit.pool.acquire() as connection:
            await set_business_clock(
                connection, datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)
            )

    async def task(self, company: str, customer: str) -> None:
        task = self.random.choice(("statistics", "risk-scores"))
        await self.client.post(f"/v1/tasks/{task}/runs", json={"company": company}, headers=key())

    async def customer(self, company: str, customer: str) -> None:
        await self.credit.facts(self.made("erp.customer.changed.v1", company=company, customer=customer,
                                          version=self.number))  # fmt: skip


async def listed(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    """All pages, two customers each."""
    found: list[dict[str, Any]] = []
    while True:
        body = (await client.get("/v1/exposures", params={"limit": 2, **params})).json()
        found += body["items"]
        if body["next_cursor"] is None:
            return found
        params["cursor"] = body["next_cursor"]


async def boxes_agree(credit: Any, client: httpx.AsyncClient) -> None:
    """Each fact box, whether it was kept or not, is the one that is made when none is kept."""
    paths = [f"/v1/fact-boxes/{company}/{customer}" for company, customer in PARTIES]

    async def boxes() -> list[str]:
        answers = [await client.get(path) for path in paths]
        return [answer.text if answer.status_code == 200 else "" for answer in answers]

    shown, kept = await boxes(), await boxes()
    await credit.pool.execute("TRUNCATE kept_fact_box")
    assert shown == kept == await boxes()


async def expected(credit: Any, company: str | None, sort: str, least: int | None) -> list[tuple[str, str]]:
    """The list as computed from the views of everybody."""
    async with transaction(credit.pool, isolation="repeatable_read") as work:
        views = await read_views(work, await store.customers_with_figures(work, None, company))
    keyed = sorted(
        (ORDERS[sort](view), view) for view in views if reaches(view, None if least is None else Decimal(least))
    )
    return [(key[2], key[3]) for key, _ in keyed]


async def concentration_agrees(credit: Any, client: httpx.AsyncClient) -> None:
    """Computed in SQL as from the views of everybody, whichever standings were kept before."""
    for company in COMPANIES:
        async with transaction(credit.pool, isolation="repeatable_read") as work:
            views = await read_views(work, await store.customers_with_figures(work, None, company))
        for top in (2, 10):
            body = (await client.get("/v1/exposure-concentration", params={"company": company, "top": top})).json()
            wanted = shown_concentration(concentration(views, top), company, COMPANIES[company])
            assert orjson.loads(to_json(wanted)) == body


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_the_list_is_that_of_the_single_views(
    credit: Any, client: httpx.AsyncClient, made: Made, random: Random
) -> None:
    await credit.pool.execute(f"TRUNCATE {TABLES}")
    await credit.pool.execute("INSERT INTO credit_parameters VALUES ('DE01', $1, 1), ('US01', $1, 1)", {
        "allow_manual_limit_edit": True, "check_customer_credit_groups": True})  # fmt: skip
    await credit.pool.execute(US_POLICY_TYPE)
    await credit.facts(made("erp.company.changed.v1", company="US01", currency="USD", time_zone="Pacific/Auckland"))
    acts = Happening(credit, client, made, random)
    await acts.day("", "")
    for _ in range(6):
        for _ in range(random.randint(1, 6)):
            await acts.one()
        for company, sort, least in ((None, "-used_percent", None), ("DE01", "-exposure", None),
                                     ("US01", "-uninsured_exposure", 40), (None, "-used_percent", 40)):  # fmt: skip
            params = {"company": company, "sort": sort, "minimum_used_percent": least}
            items = await listed(client, **{name: value for name, value in params.items() if value is not None})
            found = [(item["company"], item["customer"]) for item in items]
            assert found == await expected(credit, company, sort, least), (sort, least)
            for item in items:
                single = await client.get(f"/v1/exposures/{item['company']}/{item['customer']}")
                assert item == single.json()
        await concentration_agrees(credit, client)
        await boxes_agree(credit, client)


async def test_a_page_computes_only_whose_state_has_changed(credit: Any, client: httpx.AsyncClient, made: Made) -> None:
    names = [f"C-{n}" for n in range(1, 9)]
    await credit.facts(*(made("erp.customer.changed.v1", customer=name) for name in names))
    for n, name in enumerate(names):
        body = {"credit_limit": {"amount": str(100 * n), "currency": "EUR"}}
        await client.put(f"/v1/credit-profiles/DE01/{name}", json=body, headers=key(**{"if-none-match": "*"}))

    async def unknown() -> list[str]:
        async with transaction(credit.pool, isolation="repeatable_read") as work:
            setting = await store.read_setting(work)
            rows = await store.read_standings(work, setting, None, None, "used", None, None, 1)
        return [row.party[1] for row in rows if row.key is None]

    assert sorted(await unknown()) == sorted(["C-1001", *names])
    await listed(client)
    assert await unknown() == []
    await credit.facts(made("erp.invoice.posted.v1", customer="C-3", order=None, lines=[], tax_amount="0"))
    assert await unknown() == ["C-3"]
    body = {"credit_limit": {"amount": "5", "currency": "EUR"}}
    await client.put("/v1/credit-profiles/DE01/C-5", json=body, headers=key(**{"if-match": '"1"'}))
    assert sorted(await unknown()) == ["C-3", "C-5"]
    await listed(client)
    await credit.facts(made("erp.exchange-rate.published.v1"))
    assert len(await unknown()) == 9
