"""What the rules propose for the customers of a company, in one statement however many there are (spec 2.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from credit_service.parameters.store import read_parameters
from credit_service.profiles.changing import company_of
from credit_service.profiles.rates import limit_rate_type
from holdfast.contracts.currencies import MINOR_UNITS
from holdfast.database.bulk import columns
from holdfast.database.work import Work
from holdfast.receivables.rates import read_rates

ONE = Decimal(1)
NO_LINE = '"line": null, "scoring_group": null, "operator": null, "comparison_value": null, "credit_limit": null'
PROPOSED = """
rate AS MATERIALIZED (
    SELECT *, to_json(trim_scale(num / den)::text)::text AS said
    FROM unnest($9::text[], $10::text[], $11::numeric[], $12::numeric[]) AS r (source, target, num, den)
), rule AS MATERIALIZED (
    SELECT *, left(json_build_object('risk_group', risk_group, 'currency', currency,
                                     'max_revenue', max_revenue::text)::text, -1) AS said
    FROM automatic_limit_rule WHERE company = $1
), person AS MATERIALIZED (
    SELECT c.customer, m.currency AS own_currency, p.credit_limit, p.credit_limit_date, p.credit_limit_expiry_date,
           coalesce(p.unlimited_credit, false) AS unlimited, k.risk_group,
           coalesce(p.exclude_from_credit_management, false) AS excluded
    FROM @people@
    LEFT JOIN customer_risk k ON k.customer = c.customer AND k.company = $1
    WHERE ($2::text[] IS NULL OR c.customer = ANY ($2)) AND ($3::text IS NULL OR p.credit_management_group = $3)
      AND ($4::text IS NULL OR k.risk_group = $4) AND ($5::date IS NULL OR p.credit_limit_expiry_date <= $5)
      @page@
), ruled AS MATERIALIZED (
    SELECT p.*, r.currency AS rule_currency, r.max_revenue, r.choice, r.said, n.revenue, n.currency AS revenue_currency,
           n.revenue * x.num AS revenue_compared, r.max_revenue * x.den AS revenue_allowed
    FROM person p
    LEFT JOIN rule r ON r.risk_group = p.risk_group AND r.currency = p.own_currency
    LEFT JOIN @newest@ AND r.max_revenue > 0
    LEFT JOIN rate x ON x.source = n.currency AND x.target = r.currency
), line AS MATERIALIZED (
    SELECT l.*, s.listed, array_position(s.listed, l.comparison_value) AS place,
           substr(left(json_build_object(
               'line', l.line_no, 'scoring_group', l.scoring_group, 'operator', l.operator,
               'comparison_value', l.comparison_value, 'credit_limit', l.credit_limit::text)::text, -1), 2) AS said
    FROM automatic_limit_line l
    CROSS JOIN LATERAL (
        SELECT array_agg(s.value ORDER BY s.line_no) AS listed FROM scoring_group_line s
        WHERE s.company = $1 AND s.scoring_group = l.scoring_group OFFSET 0) s
    WHERE l.company = $1
), hit AS (
    SELECT DISTINCT ON (p.customer) p.customer, l.line_no, l.said, v.value, l.credit_limit
    FROM ruled p
    JOIN line l ON l.risk_group = p.risk_group AND l.currency = p.rule_currency
    JOIN customer_risk_value v
      ON v.customer = p.customer AND v.company = $1 AND v.scoring_group = l.scoring_group
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.comparison_number IS NOT NULL THEN v.numeric_value - l.comparison_number
                    WHEN v.value = l.comparison_value THEN 0
                    ELSE array_position(l.listed, v.value) - l.place END AS side) c
    WHERE CASE l.operator WHEN '=' THEN c.side = 0 WHEN '<>' THEN coalesce(c.side <> 0, v.value <> l.comparison_value)
                          WHEN '<' THEN c.side < 0 WHEN '<=' THEN c.side <= 0
                          WHEN '>' THEN c.side > 0 WHEN '>=' THEN c.side >= 0 END
    ORDER BY p.customer, CASE p.choice WHEN 'highest' THEN -l.credit_limit WHEN 'lowest' THEN l.credit_limit END,
             l.line_no
), judged AS (
    SELECT p.*, round((h.credit_limit * t.num)::numeric(60, 20) / t.den, $8) AS new_limit,
           CASE WHEN p.excluded THEN 'excluded'
                WHEN p.unlimited THEN 'unlimited'
                WHEN p.own_currency IS NULL THEN 'no_master_data'
                WHEN p.risk_group IS NULL THEN 'unclassified'
                WHEN p.rule_currency IS NULL THEN 'no_rule'
                WHEN p.revenue IS NOT NULL AND p.revenue_compared IS NULL THEN 'rate_missing'
                WHEN p.revenue_compared > p.revenue_allowed THEN 'revenue_above_maximum'
                WHEN h.line_no IS NULL THEN 'no_match'
                WHEN t.num IS NULL THEN 'rate_missing'
                ELSE 'proposed' END AS outcome,
           CASE WHEN p.rule_currency IS NOT NULL THEN concat(
               p.said, ', ', coalesce(h.said, '@no_line@'), ', "revenue": ', coalesce('"' || p.revenue || '"', 'null'),
               ', "revenue_currency": ', coalesce('"' || p.revenue_currency || '"', 'null'),
               ', "value": ', coalesce(to_json(h.value)::text, 'null'), ', "rate": ', coalesce(t.said, 'null'), '}'
           )::json END AS basis
    FROM ruled p
    LEFT JOIN hit h ON h.customer = p.customer
    LEFT JOIN rate t ON t.source = p.rule_currency AND t.target = $7
)
""".replace("@no_line@", NO_LINE)
"""Row by row what `model.proposal` says. It takes the twelve parameters of `Scope`.

The basis is put together from what rule, line and rate say of themselves: built field by field for each customer it
costs as much as writing the line.
"""
ONE_BY_ONE = """(SELECT customer FROM customer WHERE company = $1 UNION
          SELECT customer FROM credit_profile WHERE company = $1) c
    LEFT JOIN customer m ON m.customer = c.customer AND m.company = $1
    LEFT JOIN credit_profile p ON p.customer = c.customer AND p.company = $1"""
IN_ONE_GO = """(SELECT customer, currency FROM customer WHERE company = $1) m
    FULL JOIN (SELECT * FROM credit_profile WHERE company = $1) p ON p.customer = m.customer
    CROSS JOIN LATERAL (SELECT coalesce(m.customer, p.customer) AS customer) c"""
ONE_PAGE = """AND ($13::text IS NULL OR c.customer > $13)
      ORDER BY c.customer LIMIT CASE WHEN $15::text IS NULL THEN $14::integer END"""
ITS_NEWEST = """LATERAL (
        SELECT v.revenue, v.currency FROM customer_revenue v
        WHERE v.customer = p.customer AND v.company = $1 AND v.period_end <= $6
        ORDER BY v.period_end DESC LIMIT 1) n ON true"""
NEWEST_OF_ALL = """(
        SELECT DISTINCT ON (customer) customer, revenue, currency FROM customer_revenue
        WHERE company = $1 AND period_end <= $6 ORDER BY customer, period_end DESC) n ON n.customer = p.customer"""
OF_ALL = PROPOSED.replace("@page@", "").replace("@people@", IN_ONE_GO).replace("@newest@", NEWEST_OF_ALL)
"""For a whole company: who its customers are, and their revenues, is read in one go, not customer by customer."""
PAGE = f"""
WITH {PROPOSED.replace("@page@", ONE_PAGE).replace("@people@", ONE_BY_ONE).replace("@newest@", ITS_NEWEST)}
SELECT customer, outcome, risk_group, credit_limit, credit_limit_expiry_date, new_limit, basis
FROM judged WHERE $15::text IS NULL OR outcome = $15 ORDER BY customer LIMIT $14::integer
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which customers a proposal is made for: all of the company, less what each filter leaves out."""

    names: Sequence[str] | None = None
    credit_management_group: str | None = None
    risk_group: str | None = None
    expiring_until: date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What `PROPOSED` takes: a company, whom, as of which day, and what currencies are worth."""

    currency: str
    parameters: tuple[Any, ...]


async def scope(work: Work, company: str, chosen: Chosen, as_of: date) -> Scope:
    """Rates and settings as of a business date. Raises Problem 422 while the company's currency is not known."""
    known = await company_of(work, company)
    parameters = (await read_parameters(work, company)).parameters
    rates = await _rates(work, company, limit_rate_type(parameters, known), known["currency"], as_of)
    filters = (chosen.names, chosen.credit_management_group, chosen.risk_group, chosen.expiring_until)
    currency: str = known["currency"]
    return Scope(currency, (company, *filters, as_of, currency, MINOR_UNITS[currency], *rates))


async def _rates(work: Work, company: str, rate_type: str, currency: str, on: date) -> list[list[Any]]:
    """As columns: an amount in `source` times `num` by `den` is in `target`; without a rate there is no row."""
    rows = await work.conn.fetch(
        "SELECT currency, bool_or(max_revenue > 0) AS tested FROM automatic_limit_rule WHERE company = $1 GROUP BY 1",
        company,
    )
    needs = [(rate_type, row["currency"], currency, on) for row in rows]
    for row in rows:
        if row["tested"]:
            needs += [(rate_type, code, row["currency"], on) for code in sorted(MINOR_UNITS)]
    found = sorted((await read_rates(work, needs)).items())
    pairs = [(n[1], n[2], *((ONE, r.value) if r.inverse else (r.value, ONE))) for n, r in found]
    return columns(pairs, 4)


async def page_of_proposals(
    work: Work, company: str, chosen: Chosen, as_of: date, outcome: str | None, after: str | None, limit: int
) -> Sequence[Any]:
    """What is proposed for each customer, or why nothing is, by customer."""
    asked = await scope(work, company, chosen, as_of)
    found: Sequence[Any] = await work.conn.fetch(PAGE, *asked.parameters, after, limit, outcome)
    return found
