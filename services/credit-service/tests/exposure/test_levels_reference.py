"""Which limit governs, and how much of it is used: the statements and a plain reference agree (spec 2.1-2.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared.tests.receivables.feeding import feed_batch, parties_of
from shared.tests.receivables.histories import CUSTOMERS, FIRST, ORDERS, Histories

from credit_service.exposure.model import View
from credit_service.exposure.reading import read_views
from credit_service.statistics.reading import read_limits
from holdfast.contracts.erp_reference import CompanyChanged, ExchangeRatePublished
from holdfast.database.work import set_business_clock, transaction
from holdfast.receivables.exposure import NEXT_ORDER
from holdfast.receivables.model import Counted, Party, Reservation
from holdfast.receivables.reference import Ledger, rounded_half_up
from holdfast.receivables.reference_exposure import figures
from holdfast.receivables.reservations import set_credit_status

TABLES = """company, exchange_rate, customer, account, document, document_order, settlement, settlement_reversal,
balance, sales_order, delivery, reservation, credit_profile, credit_parameters, credit_policy, credit_group,
credit_group_member, temporary_limit"""
PARTIES: list[Party] = [(company, customer) for company in ("X", "Y") for customer in CUSTOMERS]
ZERO = Decimal(0)


@dataclass
class Setup:
    """What a credit team has set up, as plain values."""

    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiles: dict[Party, dict[str, Any]] = field(default_factory=dict)
    temporary: dict[Any, tuple[Decimal, date, date]] = field(default_factory=dict)
    policies: dict[Party, list[dict[str, Any]]] = field(default_factory=dict)
    groups: dict[str, tuple[Decimal, str]] = field(default_factory=dict)
    members: dict[Party, str] = field(default_factory=dict)


def facts(random: Random) -> list[Any]:
    """Two companies, of different currencies, with customers of the same numbers."""
    here = Histories(random).build()
    there = [item for item in Histories(random).build() if not isinstance(item, ExchangeRatePublished)]
    return [*here, *(_moved(item) for item in there)]


def _moved(item: Any) -> Any:
    if isinstance(item, CompanyChanged):
        return item.model_copy(update={"company": "Y", "currency": "USD"})
    if isinstance(item, Reservation):
        return Reservation("Y", *(getattr(item, name) for name in item.__slots__[1:]))  # type: ignore[attr-defined]
    return item.model_copy(update={"company": "Y"})


def drawn(random: Random, on: date) -> Setup:
    """A random set-up around a date, so that both ends of every period are met."""

    def near() -> date:
        return on + timedelta(days=random.choice((-30, -1, 0, 1, 30)))

    def amount() -> Decimal:
        return Decimal(random.choice((0, 0, 100, 500, random.randrange(2000))))

    setup = Setup()
    for company in ("X", "Y"):
        setup.parameters[company] = {
            "credit_management_enabled": random.random() < 0.9, "check_customer_credit_groups": random.random() < 0.8,
            "credit_limit_type": random.choice(("none", "balance", "balance_and_packing_slip", "balance_and_all")),
            "open_orders_counted": random.choice(list(Counted)),
            "flagged_policy_mode": random.choice(("exposure_only", "reduce_limit")),
        }  # fmt: skip
    setup.groups = {name: (amount(), random.choice(("EUR", "USD", "JPY", "GBP"))) for name in ("G1", "G2")}
    for owner in [*PARTIES, "G1", "G2"]:
        if random.random() < 0.4:
            first, last = sorted((near(), near()))
            setup.temporary[owner] = (amount(), first, last)
    for party in PARTIES:
        if random.random() < 0.8:
            setup.profiles[party] = {
                "credit_limit": amount(), "mandatory_credit_limit": random.random() < 0.3,
                "unlimited_credit": random.random() < 0.15, "exclude_from_credit_management": random.random() < 0.1,
                "ignore_until_date": random.choice((None, None, None, near())),
            }  # fmt: skip
        if random.random() < 0.6:
            setup.members[party] = random.choice(("G1", "G2"))
        setup.policies[party] = [_policy(random, near) for _ in range(random.choice((0, 0, 1, 2)))]
    return setup


def _policy(random: Random, near: Any) -> dict[str, Any]:
    first, last = sorted((near(), near()))
    return {
        "value": Decimal(random.randrange(1, 900)), "currency": random.choice(("EUR", "USD", "GBP")),
        "update_credit_limit_pct": Decimal(random.choice((0, 33, 50, 100))),
        "included_in_exposure": random.random() < 0.5, "effective_from": first, "expires_on": last,
    }  # fmt: skip


async def store(connection: asyncpg.Connection, setup: Setup) -> None:
    """The set-up as rows."""
    currency = {"X": "EUR", "Y": "USD"}
    for company, fields in setup.parameters.items():
        await connection.execute("INSERT INTO credit_parameters VALUES ($1, $2, 1)", company, fields)
    for (company, customer), p in setup.profiles.items():
        await connection.execute(
            f"""INSERT INTO credit_profile (company, customer, version, currency, changed_at, changed_by,
                    {", ".join(p)})
                VALUES ($1, $2, 1, $3, now(), 'kim', $4, $5, $6, $7, $8)""",
            company, customer, currency[company], *p.values(),
        )  # fmt: skip
    for name, (amount, code) in setup.groups.items():
        await connection.execute(
            "INSERT INTO credit_group VALUES ($1, 'X', '', $2, $3, '2030-01-01', false, 1)", name, code, amount
        )
    await connection.executemany(
        "INSERT INTO credit_group_member VALUES ($1, $2, $3)", [(*party, name) for party, name in setup.members.items()]
    )
    for owner, (amount, first, last) in setup.temporary.items():
        who = (None, None, owner) if isinstance(owner, str) else (*owner, None)
        await connection.execute(
            "INSERT INTO temporary_limit VALUES ($1, $2, $3, $4, $5, $6, $7, 'J')", uuid4(), *who, amount, first, last
        )
    for (company, customer), policies in setup.policies.items():
        for p in policies:
            await connection.execute(
                f"""INSERT INTO credit_policy (id, company, customer, kind, type, insurer_guarantor, identification,
                        version, {", ".join(p)})
                    VALUES ($1, $2, $3, 'insurance', 'T', 'E', '', 1, $4, $5, $6, $7, $8, $9)""",
                uuid4(), company, customer, *p.values(),
            )  # fmt: skip


class Expected:
    """The levels of one customer, worked out step by step as spec 2 says."""

    def __init__(self, ledger: Ledger, setup: Setup, on: date) -> None:
        self.ledger, self.setup, self.on = ledger, setup, on

    def exposure(self, party: Party) -> tuple[Decimal, frozenset[str]]:
        """E of the company's limit type, in company currency."""
        given = self.setup.parameters[party[0]]
        f = figures(self.ledger, party, self.on, NEXT_ORDER, Counted(given["open_orders_counted"]))
        amount = f.balance
        if given["credit_limit_type"] in ("balance_and_packing_slip", "balance_and_all"):
            amount += f.delivered_not_invoiced
        if given["credit_limit_type"] == "balance_and_all":
            amount += f.open_orders + f.reserved
        return amount, f.missing_rates

    def convert(self, amount: Decimal, source: str, company: str, target: str) -> Decimal | None:
        """By the company's rates; the ledger converts into company currency, so a foreign target is asked for by a
        company of that currency."""
        pretended = self.ledger.facts["company"][(company,)].model_copy(update={"currency": target})
        rate = self.ledger.rate(pretended, source, self.on)
        return None if rate is None else amount * rate[0] / rate[1]

    def base(self, owner: Any, permanent: Decimal) -> Decimal:
        """The temporary limit where one covers the date, else the permanent one."""
        amount, first, last = self.setup.temporary.get(owner, (ZERO, date.max, date.min))
        return amount if first <= self.on <= last else permanent

    def own(self, party: Party) -> tuple[Decimal, frozenset[str]]:
        """The tested own limit."""
        company = self.ledger.facts["company"][(party[0],)]
        limit = self.base(party, self.setup.profiles.get(party, {}).get("credit_limit", ZERO))
        flagged, missing = ZERO, set()
        for policy in self.setup.policies[party]:
            if policy["effective_from"] <= self.on <= policy["expires_on"]:
                value = self.convert(policy["value"], policy["currency"], party[0], company.currency)
                if value is None:
                    missing.add(policy["currency"])
                    continue
                limit += rounded_half_up(value * policy["update_credit_limit_pct"] / 100, company.currency)
                flagged += rounded_half_up(value, company.currency) if policy["included_in_exposure"] else ZERO
        if self.setup.parameters[party[0]]["flagged_policy_mode"] == "reduce_limit":
            limit = max(ZERO, limit - flagged)
        return limit, frozenset(missing)

    def group(self, name: str) -> tuple[Decimal, Decimal, frozenset[str]]:
        """Shared limit, exposure of all members in group currency, and what lacks a rate."""
        limit, code = self.setup.groups[name]
        amount, missing = ZERO, frozenset[str]()
        for party in (party for party, group in self.setup.members.items() if group == name):
            mine, lacking = self.exposure(party)
            missing |= lacking
            converted = self.convert(mine, self.ledger.facts["company"][(party[0],)].currency, party[0], code)
            if converted is None:
                missing |= {code} if mine else frozenset()
            else:
                amount += rounded_half_up(converted, code)
        return self.base(name, limit), amount, missing

    def levels(self, party: Party) -> tuple[list[tuple[str, Decimal, Decimal]], frozenset[str]]:
        """(level, limit, exposure) of every limit that governs (spec 2.4), and the rates that lack."""
        given, profile = self.setup.parameters[party[0]], self.setup.profiles.get(party, {})
        exposure, missing = self.exposure(party)
        company = self.ledger.facts["company"][(party[0],)]
        late = self.ledger.overdue(*party, self.on)
        missing |= {code for code in late if self.ledger.rate(company, code, self.on) is None}
        own, lacking = self.own(party)
        missing |= lacking
        name = self.setup.members.get(party) if given["check_customer_credit_groups"] else None
        shared, used, others = self.group(name) if name else (ZERO, ZERO, frozenset[str]())
        missing |= others
        mandatory = profile.get("mandatory_credit_limit", False)
        off = not given["credit_management_enabled"] or profile.get("exclude_from_credit_management", False)
        suspended = (profile.get("ignore_until_date") or date.min) >= self.on
        untested = given["credit_limit_type"] == "none" and not mandatory
        if off or suspended or untested or profile.get("unlimited_credit", False):
            return [], missing
        if name is None or (own == 0 and mandatory):
            return [("own", own, exposure)], missing
        if own == 0:
            return [("group", shared, used)], missing
        return [("group", shared, used), ("own", own, exposure)], missing


def seen(view: View) -> tuple[list[tuple[str, Decimal, Decimal]], frozenset[str]]:
    return [(test.level.value, test.limit, test.exposure) for test in view.tests], view.missing_rates


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_statements_and_reference_agree_on_groups_currencies_and_dates(credit: Any, random: Random) -> None:
    on = FIRST + timedelta(days=random.choice((20, 60, 95, 150)))
    pool: asyncpg.Pool = credit.pool
    await pool.execute(f"TRUNCATE {TABLES}")
    ledger, items, setup = Ledger(), facts(random), drawn(random, on)
    for item in items:
        ledger.reserve(item) if isinstance(item, Reservation) else ledger.apply(item)
    await feed_batch(pool, items, parties_of(items))
    ledger.status = {
        (company, order): random.choice(("unchecked", "passed", "held", "released"))
        for company in ("X", "Y") for order in ORDERS
    }  # fmt: skip
    async with pool.acquire() as connection:
        await store(connection, setup)
        await set_business_clock(connection, datetime.combine(on, time(12), UTC))
    async with transaction(pool) as work:
        await set_credit_status(work, [(*key, status) for key, status in ledger.status.items()])
        views = await read_views(work, PARTIES)
    expected = Expected(ledger, setup, on)
    for party, view in zip(PARTIES, views, strict=True):
        wanted, missing = expected.levels(party)
        assert seen(view)[1] == missing, party
        if not missing:
            assert seen(view)[0] == wanted, party


def tightest(expected: Expected, party: Party) -> tuple[Decimal | None, frozenset[str]]:
    """The lowest of the limits that govern a customer whose credit is not unlimited, in company currency."""
    setup, code = expected.setup, expected.ledger.facts["company"][(party[0],)].currency
    profile, (own, missing) = setup.profiles.get(party, {}), expected.own(party)
    if profile.get("unlimited_credit", False):
        return None, frozenset()
    name = setup.members.get(party) if setup.parameters[party[0]]["check_customer_credit_groups"] else None
    if name is None:
        return (None if missing else own), missing
    permanent, currency = setup.groups[name]
    limit = expected.base(name, permanent)
    shared = expected.convert(limit, currency, party[0], code)
    if shared is None and limit:
        missing |= {currency}
    if missing:
        return None, missing
    group = rounded_half_up(shared or ZERO, code)
    if own == 0:
        return (own if profile.get("mandatory_credit_limit", False) else group), missing
    return min(own, group), missing


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_statistics_keep_the_limit_that_governs(credit: Any, random: Random) -> None:
    on = FIRST + timedelta(days=random.choice((20, 60, 95, 150)))
    pool: asyncpg.Pool = credit.pool
    await pool.execute(f"TRUNCATE {TABLES}")
    ledger, setup = Ledger(), drawn(random, on)
    items = [item for item in facts(random) if isinstance(item, CompanyChanged | ExchangeRatePublished)]
    for item in items:
        ledger.apply(item)
    await feed_batch(pool, items, set())
    async with pool.acquire() as connection:
        await store(connection, setup)
    expected = Expected(ledger, setup, on)
    for company, currency in (("X", "EUR"), ("Y", "USD")):
        async with transaction(pool) as work:
            found = await read_limits(work, company, currency, CUSTOMERS, on)
        seen = {(company, name): (limits.governing, limits.missing_rates) for name, limits in found.items()}
        assert seen == {party: tightest(expected, party) for party in PARTIES if party[0] == company}
