"""The statement that scores many customers, and the model for one of them, agree (spec 2.9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_service.risk.model import (
    Band,
    GroupType,
    Line,
    RiskGroup,
    ScoreType,
    ScoringGroup,
    classified,
    full_years,
    is_numeric,
    score,
    total_score,
)
from credit_service.risk.store import Kept, KeptClass, delete_scoring_group, write_risk_group, write_scoring_group
from credit_service.risk.update import update_risk_scores
from holdfast.database.work import Work, transaction

TODAY = date(2026, 3, 2)
TABLES = """customer, account, credit_profile, customer_statistics, customer_risk, customer_risk_value,
customer_risk_history, scoring_group, scoring_group_line, risk_group, outbox"""
NUMBERS = tuple(Decimal(n) for n in ("-3", "0", "0.4", "0.5", "1", "2.45", "2.5", "9", "10", "10.5", "11"))
DAYS = (None, date(2016, 3, 2), date(2016, 3, 3), date(2025, 3, 2), date(2026, 3, 3))
WORDS = ("A", "B", "C", "10", "2.5")
INSERT_PROFILE = """
INSERT INTO credit_profile (company, customer, version, currency, credit_management_group, account_status,
                            customer_since_date, business_started_date, changed_at, changed_by)
VALUES ('DE01', $1, 1, 'EUR', $2, $3, $4, $5, now(), 'kim')
"""
INSERT_STATISTICS = """
INSERT INTO customer_statistics (company, customer, as_of, dso_12, average_balance_12, average_payment_days,
                                 calculated_at)
VALUES ('DE01', $1, $2, $3, $4, $5, now())
"""
INSERT_TYPED = """
INSERT INTO customer_risk_value (company, customer, scoring_group, value, numeric_value, score, calculated_at, version)
VALUES ('DE01', $1, $2, $3, $4, 0, now(), 1)
"""


@dataclass
class Person:
    """A customer as the profile, the master data and the statistics tell; by type what a computed group finds."""

    figures: dict[GroupType, str | Decimal | date | None]
    countries: list[dict[str, Any]]
    typed: dict[str, tuple[str, Decimal | None]] = field(default_factory=dict)

    def value(self, group: ScoringGroup) -> str | Decimal | int | None:
        """What a scoring group looks at."""
        if group.group_type is GroupType.USER:
            text, number = self.typed.get(group.id, (None, None))
            return number if group.score_type is ScoreType.RANGE else text
        if group.group_type is GroupType.COUNTRY:
            primary = [a for a in self.countries if a["primary"]]
            return next((a["country"] for a in (*primary, *self.countries)), None)
        found = self.figures[group.group_type]
        return full_years(found, TODAY) if isinstance(found, date) else found


def _group(random: Random, name: str) -> ScoringGroup:
    kind = random.choice(tuple(GroupType))
    ranged = is_numeric(kind, ScoreType.RANGE) and random.random() < 0.7
    if not ranged:
        words = random.sample(WORDS, random.randrange(len(WORDS)))
        lines = tuple(Line(Decimal(n) / 2, value=word) for n, word in enumerate(words, 1))
        return ScoringGroup(name, kind, ScoreType.LIST, lines)
    step = Decimal(random.choice(("1", "0.1")))
    bounds = sorted(random.sample(NUMBERS, 2 * random.randrange(4)))
    bands = [Band(low, max(low, high - step)) for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    random.shuffle(bands)
    return ScoringGroup(
        name, kind, ScoreType.RANGE, tuple(Line(Decimal(n) * 7, band) for n, band in enumerate(bands, 1))
    )


def _classes(random: Random) -> list[RiskGroup]:
    bounds = sorted(random.sample(range(40), 2 * random.randrange(4)))
    return [RiskGroup(f"R{low}", Band(Decimal(low), Decimal(high) - Decimal(random.choice(("0", "0.5")))))
            for low, high in zip(bounds[::2], bounds[1::2], strict=True)]  # fmt: skip


def _person(random: Random, groups: list[ScoringGroup]) -> Person:
    figures: dict[GroupType, Any] = {
        kind: random.choice((None, *NUMBERS))
        for kind in (GroupType.DSO, GroupType.AVERAGE_BALANCE, GroupType.AVERAGE_PAYMENT_DAYS)
    }
    figures |= {kind: random.choice((None, *WORDS)) for kind in (GroupType.CREDIT_MANAGEMENT_GROUP,
                                                                 GroupType.ACCOUNT_STATUS)}  # fmt: skip
    figures |= {kind: random.choice(DAYS) for kind in (GroupType.CUSTOMER_SINCE, GroupType.IN_BUSINESS_SINCE)}
    places = [{"country": random.choice(WORDS), "primary": random.random() < 0.4} for _ in range(random.randrange(3))]
    person = Person(figures, places)
    for group in groups:
        if group.group_type is GroupType.USER and random.random() < 0.7:
            number = random.choice(NUMBERS) if group.score_type is ScoreType.RANGE else None
            person.typed[group.id] = (f"{number:f}" if number is not None else random.choice(WORDS), number)
    return person


async def _store(work: Work, people: dict[str, Person], groups: list[ScoringGroup], classes: list[RiskGroup]) -> None:
    for group in groups:
        await write_scoring_group(work, "DE01", Kept(group, "", 1))
    await write_scoring_group(work, "US01", Kept(ScoringGroup("OTHER", GroupType.DSO, ScoreType.RANGE, ()), "", 1))
    for found in classes:
        await write_risk_group(work, "DE01", KeptClass(found, "", "none", 1))
    for name, person in people.items():
        await _store_person(work, name, person)


async def _store_person(work: Work, name: str, person: Person) -> None:
    run, figures = work.conn.execute, person.figures
    await run(INSERT_PROFILE, name, figures[GroupType.CREDIT_MANAGEMENT_GROUP], figures[GroupType.ACCOUNT_STATUS],
              figures[GroupType.CUSTOMER_SINCE], figures[GroupType.IN_BUSINESS_SINCE])  # fmt: skip
    await run("INSERT INTO customer VALUES ('DE01', $1, 1, $1, NULL, 'EUR', NULL, NULL, NULL, false, $2)",
              name, {"addresses": person.countries})  # fmt: skip
    await run(INSERT_STATISTICS, name, TODAY, figures[GroupType.DSO], figures[GroupType.AVERAGE_BALANCE],
              figures[GroupType.AVERAGE_PAYMENT_DAYS])  # fmt: skip
    for group, (text, number) in person.typed.items():
        await run(INSERT_TYPED, name, group, text, number)


def _expected(
    people: dict[str, Person], groups: list[ScoringGroup], classes: list[RiskGroup]
) -> dict[str, tuple[Decimal, str | None]]:
    points = {name: total_score(score(g, p.value(g)) for g in groups) for name, p in people.items()}
    found = {name: (number, classified(number, classes)) for name, number in points.items()}
    return {name: kept for name, kept in found.items() if kept != (0, None)}


async def _found(credit: Any) -> dict[str, tuple[Decimal, str | None]]:
    rows = await credit.pool.fetch("SELECT customer, risk_score, risk_group FROM customer_risk WHERE company = 'DE01'")
    return {row["customer"]: (row["risk_score"], row["risk_group"]) for row in rows}


async def _score(credit: Any, people: dict[str, Person]) -> int:
    async with transaction(credit.pool) as work:
        return await update_risk_scores(work, "DE01", list(people), TODAY, "kim")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(random=st.randoms(use_true_random=True))
async def test_statement_and_model_agree(credit: Any, random: Random) -> None:
    groups = [_group(random, f"G{n}") for n in range(random.randrange(6))]
    classes = _classes(random)
    people = {f"C-{n:02}": _person(random, groups) for n in range(20)}
    await credit.pool.execute(f"TRUNCATE {TABLES}")
    async with transaction(credit.pool) as work:
        await _store(work, people, groups, classes)
    expected = _expected(people, groups, classes)
    assert await _score(credit, people) == len(expected)
    assert await _found(credit) == expected
    assert await _score(credit, people) == 0
    if groups:
        async with transaction(credit.pool) as work:
            await delete_scoring_group(work, "DE01", groups[0].id)
        await _score(credit, people)
        after = _expected(people, groups[1:], classes)
        assert dict.fromkeys(expected, (0, None)) | after == await _found(credit)
        left = await credit.pool.fetchval(
            "SELECT count(*) FROM customer_risk_value WHERE scoring_group = $1", groups[0].id
        )
        assert left == 0 or not (groups[1:] or classes or expected)
