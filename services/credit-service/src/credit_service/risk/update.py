"""The update of risk scores: one statement for thousands of customers (spec 2.9, section 4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from credit_service.risk.model import decimals_of
from credit_service.risk.store import risk_groups
from holdfast.bus import outbox
from holdfast.contracts.credit import RiskChanged
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts

SCORED = """
WITH person AS MATERIALIZED (
    SELECT w.customer, p.credit_management_group, p.account_status,
           coalesce(p.customer_since_date, (c.details ->> 'customer_since')::date) AS since,
           coalesce(p.business_started_date, (c.details ->> 'business_started')::date) AS started,
           (SELECT a ->> 'country' FROM jsonb_array_elements(c.details -> 'addresses') WITH ORDINALITY AS x (a, n)
            ORDER BY (a ->> 'primary')::boolean DESC NULLS LAST, n LIMIT 1) AS country,
           s.dso_12, s.average_balance_12, s.average_payment_days
    FROM unnest($2::text[]) AS w (customer)
    LEFT JOIN LATERAL (
        SELECT * FROM credit_profile p WHERE p.company = $1 AND p.customer = w.customer OFFSET 0) p ON true
    LEFT JOIN LATERAL (
        SELECT c.details FROM customer c WHERE c.company = $1 AND c.customer = w.customer OFFSET 0) c ON true
    LEFT JOIN LATERAL (
        SELECT * FROM customer_statistics s WHERE s.company = $1 AND s.customer = w.customer OFFSET 0) s ON true
), known AS MATERIALIZED (
    SELECT v.customer, v.scoring_group, v.value, v.numeric_value, v.score
    FROM unnest($2::text[]) AS w (customer)
    CROSS JOIN LATERAL (
        SELECT * FROM customer_risk_value v WHERE v.customer = w.customer AND v.company = $1 OFFSET 0) v
), valued AS MATERIALIZED (
    SELECT p.customer, g.id AS scoring_group, g.score_type, g.decimals, k.customer IS NOT NULL AS is_known,
           k.value AS known_value, k.numeric_value AS known_number, k.score AS known_score,
           CASE g.group_type
               WHEN 'user' THEN k.numeric_value
               WHEN 'average_payment_days' THEN p.average_payment_days
               WHEN 'dso' THEN p.dso_12
               WHEN 'average_balance' THEN p.average_balance_12
               WHEN 'customer_since' THEN
                   CASE WHEN p.since <= $3 THEN extract(year FROM age($3::date, p.since))::numeric END
               WHEN 'in_business_since' THEN
                   CASE WHEN p.started <= $3 THEN extract(year FROM age($3::date, p.started))::numeric END
           END AS number,
           CASE g.group_type
               WHEN 'user' THEN k.value
               WHEN 'credit_management_group' THEN p.credit_management_group
               WHEN 'account_status' THEN p.account_status
               WHEN 'country' THEN p.country
           END AS label
    FROM person p
    CROSS JOIN (SELECT * FROM scoring_group g WHERE g.company = $1) g
    LEFT JOIN known k ON k.customer = p.customer AND k.scoring_group = g.id
), scored AS MATERIALIZED (
    SELECT v.*, coalesce(v.label, trim_scale(v.number)::text) AS value, coalesce(l.score, 0) AS score
    FROM valued v
    LEFT JOIN LATERAL (
        SELECT l.score FROM scoring_group_line l
        WHERE l.scoring_group = v.scoring_group AND l.company = $1
          AND CASE v.score_type
                  WHEN 'range' THEN round(v.number, v.decimals) BETWEEN l.from_value AND l.to_value
                  ELSE l.value = coalesce(v.label, trim_scale(v.number)::text) END
        ORDER BY l.line_no LIMIT 1) l ON true
)
"""
KEEP_VALUES = """, moved AS MATERIALIZED (
    SELECT * FROM scored
    WHERE (value IS NOT NULL OR is_known)
      AND (value, number, score) IS DISTINCT FROM (known_value, known_number, known_score)
), added AS (
    INSERT INTO customer_risk_value (company, customer, scoring_group, value, numeric_value, score, calculated_at)
    SELECT $1, customer, scoring_group, value, number, score, $4 FROM moved WHERE NOT is_known
), kept AS (
    UPDATE customer_risk_value v SET value = m.value, numeric_value = m.number, score = m.score, calculated_at = $4
    FROM moved m
    WHERE m.is_known AND v.customer = m.customer AND v.company = $1 AND v.scoring_group = m.scoring_group
), summed AS (
    SELECT customer, sum(score) AS risk_score FROM scored GROUP BY customer
    UNION ALL
    SELECT customer, 0 FROM unnest($2::text[]) AS w (customer)
    WHERE NOT EXISTS (SELECT FROM scoring_group WHERE company = $1)
), classified AS (
    SELECT s.customer, s.risk_score, g.id AS risk_group, k.risk_score AS former_score, k.risk_group AS former_group
    FROM summed s
    LEFT JOIN LATERAL (
        SELECT g.id FROM risk_group g
        WHERE g.company = $1 AND round(s.risk_score, $5) BETWEEN g.score_from AND g.score_to LIMIT 1) g ON true
    LEFT JOIN LATERAL (
        SELECT k.risk_score, k.risk_group FROM customer_risk k
        WHERE k.company = $1 AND k.customer = s.customer OFFSET 0) k ON true
), changed AS (
    SELECT * FROM classified
    WHERE (risk_score, risk_group) IS DISTINCT FROM (coalesce(former_score, 0), former_group)
), first AS (
    INSERT INTO customer_risk (company, customer, risk_score, risk_group, calculated_at, version)
    SELECT $1, customer, risk_score, risk_group, $4, 1 FROM changed WHERE former_score IS NULL
    RETURNING customer, version
), again AS (
    UPDATE customer_risk r
    SET risk_score = c.risk_score, risk_group = c.risk_group, calculated_at = $4, version = r.version + 1
    FROM changed c WHERE c.former_score IS NOT NULL AND r.customer = c.customer AND r.company = $1
    RETURNING r.customer, r.version
), written AS (
    SELECT * FROM first UNION ALL SELECT * FROM again
), noted AS (
    INSERT INTO customer_risk_history (at, as_of, company, customer, version, risk_score, risk_group,
        former_risk_score, former_risk_group, who)
    SELECT $4, $3, $1, c.customer, w.version, c.risk_score, c.risk_group, c.former_score, c.former_group, $6
    FROM changed c JOIN written w USING (customer) ORDER BY c.customer
)
SELECT c.customer, json_strip_nulls(json_build_object(
           'company', $1::text, 'customer', c.customer, 'version', w.version, 'risk_score', c.risk_score::text,
           'risk_group', c.risk_group, 'former_risk_score', c.former_score::text, 'former_risk_group', c.former_group,
           'changed_at', $7::text, 'changed_by', $6::text))::text AS event
FROM changed c JOIN written w USING (customer) ORDER BY c.customer
"""
UPDATE = SCORED + KEEP_VALUES
"""The customers are locked: what is not known is not there. Classes do not overlap, so that one at most holds a score.
The events are written here too: one by one in Python they cost as much as all the rest."""
IS_SET_UP = """
SELECT EXISTS (SELECT FROM scoring_group WHERE company = $1) OR EXISTS (SELECT FROM risk_group WHERE company = $1)
    OR EXISTS (SELECT FROM customer_risk WHERE company = $1)
"""
FORGET = """
DELETE FROM customer_risk_value v USING unnest($2::text[]) AS w (customer)
WHERE v.customer = w.customer AND v.company = $1
  AND NOT EXISTS (SELECT FROM scoring_group g WHERE g.company = $1 AND g.id = v.scoring_group)
"""


async def update_risk_scores(work: Work, company: str, customers: Collection[str], as_of: date, by: str) -> int:
    """Score and classify these customers as of a business date; what changed is published and counted."""
    if not await work.conn.fetchval(IS_SET_UP, company):
        return 0
    await lock_accounts(work, [(company, customer) for customer in customers])
    names = sorted(customers)
    await work.conn.execute(FORGET, company, names)
    decimals = decimals_of(kept.group.band for kept in await risk_groups(work, company))
    at = work.business_now.isoformat()
    rows = await work.conn.fetch(UPDATE, company, names, as_of, work.business_now, decimals, by, at)
    topic, kind = RiskChanged.topic.name, RiskChanged.event_type
    await outbox.publish(work, [(topic, f"{company}/{customer}", kind, body) for customer, body in rows])
    return len(rows)
