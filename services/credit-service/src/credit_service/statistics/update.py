"""The update of statistics: a few statements for thousands of customers (spec 2.13, section 4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from credit_service.profiles.publishing import publish
from credit_service.profiles.store import next_versions
from credit_service.statistics.model import RISK_MONTHS, SALES, Limits, StatisticsParameters, window_start
from credit_service.statistics.rates import RATE, CompanyRates, company_rates
from credit_service.statistics.reading import read_limits, read_uses
from credit_service.statistics.store import read_parameters
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts
from holdfast.receivables.as_of import read_balances_as_of
from holdfast.receivables.model import Party
from holdfast.receivables.money import ZERO, rounded
from holdfast.receivables.rates import Rate

NAME = "statistics"
BALANCES = f"""
WITH {RATE.format("$3", "$4", "$5")}
SELECT w.customer, b.balance
FROM unnest($2::text[]) AS w (customer)
CROSS JOIN LATERAL (
    SELECT CASE WHEN coalesce(bool_or(r.code IS NULL), false) THEN NULL
                ELSE coalesce(sum(round(b.balance * r.num / r.den, $6)), 0) END AS balance
    FROM balance b LEFT JOIN rate r ON r.code = b.currency
    WHERE b.company = $1 AND b.customer = w.customer) b
"""
CLEAR_DAY = """
DELETE FROM balance_stat s USING unnest($2::text[]) AS w (customer)
WHERE s.customer = w.customer AND s.company = $1 AND s.stat_date = $3
"""
KEEP_DAY = """
INSERT INTO balance_stat (company, customer, stat_date, balance, credit_limit, exposure_value, exposure)
SELECT $1, d.customer, $3, d.balance, d.credit_limit, d.exposure_value, d.exposure
FROM unnest($2::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[])
     AS d (customer, balance, credit_limit, exposure_value, exposure)
ORDER BY d.customer
ON CONFLICT (customer, company, stat_date) DO UPDATE
SET balance = excluded.balance, credit_limit = excluded.credit_limit, exposure_value = excluded.exposure_value,
    exposure = excluded.exposure
"""
FIGURES = f"""
WITH {RATE.format("$14", "$15", "$16")}, figures AS (
    SELECT w.customer,
           round(w.balance * nullif(greatest($3 - n.dso_1, 0), 0) / nullif(round(s.sales_1, 10), 0), 2) AS dso_1,
           round(w.balance * nullif(greatest($3 - n.dso_2, 0), 0) / nullif(round(s.sales_2, 10), 0), 2) AS dso_2,
           round(w.balance * nullif(greatest($3 - n.dso_12, 0), 0) / nullif(round(s.sales_12, 10), 0), 2) AS dso_12,
           p.average_payment_days, p.average_days_late, f.average_days_late AS former_days_late, d.*,
           h.balance AS highest_balance, h.stat_date AS highest_balance_date
    FROM unnest($2::text[], $4::numeric[]) AS w (customer, balance)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT p.customer_since_date FROM credit_profile p WHERE p.company = $1 AND p.customer = w.customer),
            (SELECT (c.details ->> 'customer_since')::date FROM customer c
             WHERE c.company = $1 AND c.customer = w.customer)) AS day OFFSET 0) since
    CROSS JOIN LATERAL (
        SELECT greatest($5::date, since.day) AS dso_1, greatest($6::date, since.day) AS dso_2,
               greatest($7::date, since.day) AS dso_12) n
    CROSS JOIN LATERAL (
        SELECT CASE WHEN bool_and(r.code IS NOT NULL) FILTER (WHERE i.document_date >= n.dso_1)
                    THEN sum(i.amount * r.num / r.den) FILTER (WHERE i.document_date >= n.dso_1) END AS sales_1,
               CASE WHEN bool_and(r.code IS NOT NULL) FILTER (WHERE i.document_date >= n.dso_2)
                    THEN sum(i.amount * r.num / r.den) FILTER (WHERE i.document_date >= n.dso_2) END AS sales_2,
               CASE WHEN bool_and(r.code IS NOT NULL) FILTER (WHERE i.document_date >= n.dso_12)
                    THEN sum(i.amount * r.num / r.den) FILTER (WHERE i.document_date >= n.dso_12) END AS sales_12
        FROM document i LEFT JOIN rate r ON r.code = i.currency
        WHERE i.customer = w.customer AND i.company = $1 AND i.kind = ANY ($13) AND i.version IS NOT NULL
          AND i.document_date BETWEEN least(n.dso_1, n.dso_2, n.dso_12) AND $3
          AND (i.gone_date IS NULL OR i.gone_date > $3)) s
    CROSS JOIN LATERAL (
        SELECT round(avg(greatest(0, x.last_date - i.document_date)), 2) AS average_payment_days,
               round(avg(x.last_date - i.due_date), 2) AS average_days_late
        FROM document i
        CROSS JOIN LATERAL (
            SELECT sum(x.debit_amount) AS paid, max(x.settlement_date) AS last_date FROM settlement x
            WHERE x.debit_document = i.document AND x.company = i.company AND x.settlement_date <= $3
              AND (x.origin = '' OR (SELECT o.version FROM settlement o WHERE o.settlement = x.settlement
                                       AND o.company = x.company AND o.origin = '') IS NULL)
              AND coalesce((SELECT v.reversal_date > $3 FROM settlement_reversal v
                            WHERE v.settlement = x.settlement AND v.company = x.company), true)
              AND coalesce((SELECT o.gone_date > $3 FROM document o
                            WHERE o.document = x.credit_document AND o.company = x.company), true) OFFSET 0) x
        WHERE i.customer = w.customer AND i.company = $1 AND i.kind = ANY ($13) AND i.version IS NOT NULL
          AND i.document_date <= $3 AND (i.gone_date IS NULL OR i.gone_date > $3)
          AND round(x.paid - i.amount, minor_units(i.currency)) >= 0) p
    CROSS JOIN LATERAL (
        SELECT round(avg(b.balance) FILTER (WHERE b.stat_date >= $8), $17) AS average_balance_1,
               round(avg(b.balance) FILTER (WHERE b.stat_date >= $9), $17) AS average_balance_2,
               round(avg(b.balance) FILTER (WHERE b.stat_date >= $7), $17) AS average_balance_12,
               round(avg(100 * b.balance / nullif(b.credit_limit, 0))
                     FILTER (WHERE b.stat_date >= $10), 2) AS average_credit_limit_pct,
               round(avg(100 * b.exposure / nullif(b.credit_limit, 0))
                     FILTER (WHERE b.stat_date >= $11), 2) AS average_exposure_pct
        FROM balance_stat b
        WHERE b.customer = w.customer AND b.company = $1
          AND b.stat_date BETWEEN least($7::date, $8::date, $9::date, $10::date, $11::date) AND $3) d
    LEFT JOIN LATERAL (
        SELECT b.balance, b.stat_date FROM balance_stat b
        WHERE b.customer = w.customer AND b.company = $1 AND b.stat_date <= $3
        ORDER BY b.balance DESC, b.stat_date LIMIT 1) h ON true
    LEFT JOIN LATERAL (
        SELECT s.average_days_late FROM customer_statistics s
        WHERE s.company = $1 AND s.customer = w.customer OFFSET 0) f ON true
), kept AS (
    INSERT INTO customer_statistics AS c (company, customer, as_of, dso_1, dso_2, dso_12, average_payment_days,
        average_days_late, average_balance_1, average_balance_2, average_balance_12, average_credit_limit_pct,
        average_exposure_pct, highest_balance, highest_balance_date, calculated_at)
    SELECT $1, f.customer, $3, f.dso_1, f.dso_2, f.dso_12, f.average_payment_days, f.average_days_late,
        f.average_balance_1, f.average_balance_2, f.average_balance_12, f.average_credit_limit_pct,
        f.average_exposure_pct, f.highest_balance, f.highest_balance_date, $12
    FROM figures f ORDER BY f.customer
    ON CONFLICT (customer, company) DO UPDATE
    SET as_of = excluded.as_of, dso_1 = excluded.dso_1, dso_2 = excluded.dso_2, dso_12 = excluded.dso_12,
        average_payment_days = excluded.average_payment_days, average_days_late = excluded.average_days_late,
        average_balance_1 = excluded.average_balance_1, average_balance_2 = excluded.average_balance_2,
        average_balance_12 = excluded.average_balance_12,
        average_credit_limit_pct = excluded.average_credit_limit_pct,
        average_exposure_pct = excluded.average_exposure_pct, highest_balance = excluded.highest_balance,
        highest_balance_date = excluded.highest_balance_date, calculated_at = excluded.calculated_at
    WHERE c.as_of <= excluded.as_of
    RETURNING c.customer
)
SELECT f.customer FROM kept JOIN figures f USING (customer)
WHERE f.average_days_late IS DISTINCT FROM f.former_days_late ORDER BY f.customer
"""
"""Answers those whose profile tells of another lateness now."""


@dataclass(frozen=True, slots=True)
class DayRow:
    """What a customer owes and may owe on the day, in company currency; None: a rate is missing, or it is not known."""

    customer: str
    balance: Decimal | None
    limits: Limits
    exposure: Decimal | None

    @property
    def is_incomplete(self) -> bool:
        """Whether a rate is missing."""
        return self.balance is None or bool(self.limits.missing_rates)

    @property
    def is_zero(self) -> bool:
        """Neither owes nor has ordered."""
        return not self.balance and not self.exposure


async def update_statistics(
    work: Work, company: str, customers: Sequence[str], as_of: date, *, today: bool
) -> list[DayRow]:
    """Write the day's rows and the figures of these customers; those without a balance lack a rate.

    `today`: what is owed and ordered now. Of a past day the balance is that of its evening; its exposure is not known,
    and its permanent limit is that of now.
    """
    parameters = (await read_parameters(work, company)).parameters
    rates = await company_rates(work, company, as_of)
    days = await _days(work, company, sorted(customers), as_of, rates, today=today)
    everybody = parameters.statistics_for_zero_balance_customers
    kept = [d for d in days if d.balance is not None and (everybody or not d.is_zero)]
    await work.conn.execute(CLEAR_DAY, company, [d.customer for d in days], as_of)
    await work.conn.execute(
        KEEP_DAY, company, [d.customer for d in kept], as_of, [d.balance for d in kept],
        [d.limits.governing for d in kept], [d.limits.exposure_value for d in kept], [d.exposure for d in kept],
    )  # fmt: skip
    later = await work.conn.fetch(
        FIGURES, company, [d.customer for d in days], as_of, [d.balance for d in days],
        *_starts(parameters, as_of), work.business_now, list(SALES), *rates.columns, rates.decimals,
    )  # fmt: skip
    await _tell(work, {(company, row["customer"]) for row in later})
    return days


async def _tell(work: Work, parties: Collection[Party]) -> None:
    """Publish the profiles of customers who pay earlier or later than before, so that their orders are looked at."""
    await lock_accounts(work, parties)
    await next_versions(work, parties, NAME)
    await publish(work, parties, NAME, "the average of days late has changed")


def _starts(p: StatisticsParameters, as_of: date) -> list[date]:
    months = [
        p.dso_1, p.dso_2, RISK_MONTHS, p.average_balance_1, p.average_balance_2, p.average_credit_limit_pct,
        p.average_exposure_pct,
    ]  # fmt: skip
    return [window_start(as_of, n) for n in months]


async def _days(
    work: Work, company: str, customers: list[str], as_of: date, rates: CompanyRates, *, today: bool
) -> list[DayRow]:
    limits = await read_limits(work, company, rates.currency, customers, as_of)
    if today:
        rows = await work.conn.fetch(BALANCES, company, customers, *rates.columns, rates.decimals)
        balances: dict[str, Decimal | None] = {row["customer"]: row["balance"] for row in rows}
        exposures = await read_uses(work, company, balances)
    else:
        balances, exposures = await _past(work, company, customers, as_of, rates), {}
    return [DayRow(name, balances[name], limits[name], exposures.get(name)) for name in customers]


async def _past(
    work: Work, company: str, customers: list[str], as_of: date, rates: CompanyRates
) -> dict[str, Decimal | None]:
    known = {code: (num, den) for code, num, den in zip(*rates.columns, strict=True)}
    balances: dict[str, Decimal | None] = dict.fromkeys(customers, ZERO)
    for owed in await read_balances_as_of(work, company, as_of, customers):
        so_far, rate = balances[owed.customer], known.get(owed.currency)
        if so_far is None or rate is None:
            balances[owed.customer] = None
            continue
        num, den = rate
        inverse = Rate(den, inverse=True) if num == 1 else Rate(num)
        balances[owed.customer] = so_far + rounded(inverse.convert(owed.balance), rates.currency)
    return balances
