"""The statement that proposes for a whole company, and the model for one customer, agree (spec 2.10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_service.adjustments.automatic import Wanted, fill
from credit_service.automatic.model import Candidate, Proposal, Rule, RuleLine, Value, proposal
from credit_service.automatic.proposing import Chosen, page_of_proposals
from credit_service.automatic.store import Kept, write_rule
from holdfast.database.work import Work, transaction
from holdfast.receivables.money import EXACT

TODAY = date(2026, 3, 2)
TABLES = """exchange_rate, customer, credit_profile, customer_risk, customer_risk_value, customer_revenue,
scoring_group, scoring_group_line, automatic_limit_rule, automatic_limit_line"""
CURRENCIES = ("EUR", "USD", "JPY", "CHF")
LISTED = ("A1", "A2", "B1")
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


@dataclass
class World:
    """What a company has set up, and what it knows of its customers."""

    rules: list[Rule]
    customers: dict[str, Candidate]
    rates: dict[tuple[str, str], Decimal]
    revenues: dict[str, list[tuple[date, Decimal, str]]]


def drawn(random: Random) -> World:
    """Few values of everything, so that bounds are met."""
    amounts = [Decimal(n) for n in ("0", "100", "333.33", "1000", "12345678.91")]

    def line() -> RuleLine:
        operator, limit = random.choice(OPERATORS), random.choice(amounts).quantize(Decimal(1))
        if random.random() < 0.5:
            return RuleLine("DNB", operator, Value(random.choice((*LISTED, "C"))), limit)  # type: ignore[arg-type]
        number = Decimal(random.choice(("5", "10", "10.5")))
        return RuleLine("YEARS", operator, Value(str(number), number), limit)  # type: ignore[arg-type]

    def rule(group: str, currency: str) -> Rule:
        most = random.choice((None, Decimal(0), Decimal(1000), Decimal("333.33")))
        choice = random.choice(("highest", "lowest", "first"))
        return Rule(group, currency, most, choice, tuple(line() for _ in range(random.randrange(1, 5))))  # type: ignore[arg-type]

    pairs = [(group, code) for group in ("LOW", "MID") for code in CURRENCIES]
    world = World([rule(*pair) for pair in pairs if random.random() < 0.7], {}, {}, {})
    for source in CURRENCIES:
        for target in CURRENCIES:
            if source != target and random.random() < 0.3:
                world.rates[source, target] = Decimal(random.choice(("1.3", "0.007", "3", "0.333333")))
    for n in range(25):
        world.customers[f"C-{n:02}"] = _candidate(random, world, f"C-{n:02}", amounts)
    return world


def _candidate(random: Random, world: World, name: str, amounts: list[Decimal]) -> Candidate:
    values = {}
    if random.random() < 0.8:
        values["DNB"] = Value(random.choice((*LISTED, "C", "D")))
    if random.random() < 0.8:
        years = Decimal(random.choice(("5", "9.99", "10", "10.5", "12")))
        values["YEARS"] = Value(str(years), years)
    periods = [(TODAY + timedelta(days=days), random.choice(amounts), random.choice(CURRENCIES))
               for days in (-365, 0, 1) if random.random() < 0.5]  # fmt: skip
    world.revenues[name] = periods
    past = [(amount, code) for end, amount, code in periods if end <= TODAY]
    return Candidate(
        random.choice((None, *CURRENCIES, *CURRENCIES)), random.choice((None, "LOW", "LOW", "MID", "GONE")), values,
        random.random() < 0.1, random.random() < 0.1, past[-1] if past else None,
    )  # fmt: skip


async def store(work: Work, world: World) -> None:
    """As rows of DE01; and of US01 other values that must not be taken."""
    run, many = work.conn.execute, work.conn.executemany
    await many("INSERT INTO exchange_rate (rate_type, from_currency, to_currency, valid_from, rate, version) "
               "VALUES ('default', $1, $2, '2026-01-01', $3, 1)",
               [(*pair, rate) for pair, rate in world.rates.items()])  # fmt: skip
    for company, listed in (("DE01", LISTED), ("US01", LISTED[::-1])):
        await many("INSERT INTO scoring_group_line (company, scoring_group, line_no, value, score) "
                   "VALUES ($1, 'DNB', $2, $3, 1)", [(company, n, v) for n, v in enumerate(listed)])  # fmt: skip
    for rule in world.rules:
        await write_rule(work, "DE01", Kept(rule, 1))
    await write_rule(work, "US01", Kept(Rule("GONE", "EUR", None, "highest", ()), 1))
    for name, c in world.customers.items():
        if c.currency is not None:
            await run("INSERT INTO customer VALUES ('DE01', $1, 1, $1, NULL, $2, NULL, NULL, NULL, false, '{}')",
                      name, c.currency)  # fmt: skip
        if c.unlimited or c.excluded or c.currency is None:
            await run("INSERT INTO credit_profile (company, customer, version, currency, unlimited_credit, "
                      "exclude_from_credit_management, changed_at, changed_by) "
                      "VALUES ('DE01', $1, 1, 'EUR', $2, $3, now(), 'kim')", name, c.unlimited, c.excluded)  # fmt: skip
        for company, group in (("DE01", c.risk_group), ("US01", "LOW")):
            await run("INSERT INTO customer_risk VALUES ($1, $2, 1, $3, now(), 1)", company, name, group)
        await many("INSERT INTO customer_risk_value VALUES ('DE01', $1, $2, $3, $4, DEFAULT, 1, now())",
                   [(name, group, v.text, v.number) for group, v in c.values.items()])  # fmt: skip
        await run("INSERT INTO customer_risk_value VALUES ('US01', $1, 'DNB', 'A1', NULL, DEFAULT, 1, now())", name)
        await many("INSERT INTO customer_revenue VALUES ('DE01', $1, $2, $3, $4, 1)",
                   [(name, *figure) for figure in world.revenues[name]])  # fmt: skip


def expected(world: World, candidate: Candidate) -> Proposal:
    """What the model says."""

    def convert(amount: Decimal, source: str, target: str) -> Decimal | None:
        if source == target:
            return amount
        if (source, target) in world.rates:
            return EXACT.multiply(amount, world.rates[source, target])
        if (target, source) in world.rates:
            return EXACT.divide(amount, world.rates[target, source])
        return None

    rules: Mapping[tuple[str, str], Rule] = {(rule.risk_group, rule.currency): rule for rule in world.rules}
    return proposal(candidate, rules, {"DNB": LISTED}, convert, "EUR")


def found(row: Any) -> Proposal:
    """A row as the model puts it."""
    if row["outcome"] != "proposed":
        return Proposal(row["outcome"])
    return Proposal(row["outcome"], row["new_limit"], row["basis"]["line"])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_statement_and_model_agree(credit: Any, random: Random) -> None:
    world = drawn(random)
    await credit.pool.execute(f"TRUNCATE {TABLES}")
    async with transaction(credit.pool) as work:
        await store(work, world)
    async with transaction(credit.pool) as work:
        rows = await page_of_proposals(work, "DE01", Chosen(), TODAY, None, None, 100)
        whole = await fill(work, None, "DE01", Wanted(Chosen(), TODAY), TODAY)
    assert [row["customer"] for row in rows] == sorted(world.customers)
    for row in rows:
        assert found(row) == expected(world, world.customers[row["customer"]]), (row, world.customers[row["customer"]])
    outcomes = Counter(expected(world, candidate).outcome for candidate in world.customers.values())
    assert {"proposed": whole.lines} | {g.because: g.customers for g in whole.left_out} == {"proposed": 0} | outcomes
