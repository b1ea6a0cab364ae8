"""The update of risk scores: one statement for thousands of customers (spec 2.9, section 4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from credit_service.risk.model import decimals_of
from credit_service.risk.store import risk_groups
from holdfast.bus import outbox
from holdfast.contracts.credit import RiskChanged
from holdfast.database.bulk import shifted
from holdfast.database.work import Work
from holdfast.receivables.accounts import lock_accounts

SCORED = """
WITH class AS MATERIALIZED (
    SELECT array_agg(score_from ORDER BY score_from) AS low, array_agg(score_to ORDER BY score_from) AS high,
           array_agg(id ORDER BY score_from) AS id
    FROM risk_group WHERE company = $1
), criterion AS MATERIALIZED (
    SELECT g.id, g.group_type, g.score_type, g.decimals, l.low, l.high, l.listed, l.points
    FROM scoring_group g
    CROSS JOIN LATERAL (
        SELECT array_agg(l.from_value ORDER BY l.from_value) FILTER (WHERE l.from_value IS NOT NULL) AS low,
               array_agg(l.to_value ORDER BY l.from_value, l.line_no) AS high,
               array_agg(l.value ORDER BY l.from_value, l.line_no) AS listed,
               array_agg(l.score ORDER BY l.from_value, l.line_no) AS points
        FROM scoring_group_line l WHERE l.scoring_group = g.id AND l.company = g.company OFFSET 0) l
    WHERE g.company = $1
), known AS MATERIALIZED (
    SELECT v.*
    FROM unnest($2::text[]) AS w (customer)
    CROSS JOIN LATERAL (
        SELECT v.ctid AS row, v.customer, v.scoring_group, v.value, v.numeric_value, v.score
        FROM customer_risk_value v WHERE v.customer = w.customer AND v.company = $1 OFFSET 0) v
), person AS MATERIALIZED (
    SELECT w.customer, w.lane, p.credit_management_group, p.account_status,
           CASE WHEN EXISTS (SELECT FROM criterion WHERE group_type = 'country')
                THEN c.details -> 'addresses' END AS addresses,
           coalesce(p.customer_since_date, (c.details ->> 'customer_since')::date) AS since,
           coalesce(p.business_started_date, (c.details ->> 'business_started')::date) AS started,
           s.dso_12, s.average_balance_12, s.average_payment_days
    FROM unnest($2::text[], $10::smallint[]) AS w (customer, lane)
    LEFT JOIN LATERAL (
        SELECT * FROM credit_profile p WHERE p.company = $1 AND p.customer = w.customer OFFSET 0) p ON true
    LEFT JOIN LATERAL (
        SELECT c.details FROM customer c WHERE c.company = $1 AND c.customer = w.customer OFFSET 0) c ON true
    LEFT JOIN LATERAL (
        SELECT * FROM customer_statistics s WHERE s.company = $1 AND s.customer = w.customer OFFSET 0) s ON true
), scored AS MATERIALIZED (
    SELECT p.customer, p.lane, g.id AS scoring_group, k.row, k.value AS known_value, k.numeric_value AS known_number,
           k.score AS known_score, f.number, t.value,
           coalesce(g.points[CASE WHEN g.score_type = 'list' THEN array_position(g.listed, t.value)
                                  WHEN t.rounded <= g.high[t.place] THEN t.place END], 0) AS score
    FROM person p
    LEFT JOIN criterion g ON true
    LEFT JOIN known k ON k.customer = p.customer AND k.scoring_group = g.id
    CROSS JOIN LATERAL (
        SELECT CASE g.group_type
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
                   WHEN 'country' THEN (
                       SELECT a ->> 'country'
                       FROM jsonb_array_elements(p.addresses) WITH ORDINALITY AS x (a, n)
                       ORDER BY (a ->> 'primary')::boolean DESC NULLS LAST, n LIMIT 1)
               END AS label OFFSET 0) f
    CROSS JOIN LATERAL (
        SELECT coalesce(f.label, trim_scale(f.number)::text) AS value, round(f.number, g.decimals) AS rounded,
               width_bucket(round(f.number, g.decimals), g.low) AS place OFFSET 0) t
)
"""
"""Ranges of a group do not overlap: the last one that begins at or below a value is the one that may hold it."""
KEEP_VALUES = """, added AS (
    INSERT INTO customer_risk_value (company, customer, scoring_group, value, numeric_value, score, calculated_at)
    SELECT $1, customer, scoring_group, value, number, score, $4 FROM scored WHERE row IS NULL AND value IS NOT NULL
), kept AS (
    UPDATE customer_risk_value v SET value = s.value, numeric_value = s.number, score = s.score, calculated_at = $4
    FROM scored s
    WHERE s.row IS NOT NULL AND v.ctid = s.row
      AND (s.value, s.number, s.score) IS DISTINCT FROM (known_value, known_number, known_score)
), ended AS (
    DELETE FROM customer_risk_value v USING known k
    WHERE v.ctid = k.row AND NOT EXISTS (SELECT FROM criterion g WHERE g.id = k.scoring_group)
), summed AS (
    SELECT customer, lane, sum(score) AS risk_score, round(sum(score), $5) AS rounded
    FROM scored GROUP BY customer, lane
), placed AS MATERIALIZED (
    SELECT s.*, width_bucket(rounded, (SELECT low FROM class)) AS place FROM summed s
), classified AS (
    SELECT *, CASE WHEN rounded <= (SELECT high FROM class)[place] THEN (SELECT id FROM class)[place] END AS risk_group
    FROM placed
), changed AS MATERIALIZED (
    SELECT s.customer, s.lane, s.risk_score, s.risk_group, k.row, k.risk_score AS former_score,
           k.risk_group AS former_group, coalesce(k.version, 0) + 1 AS version
    FROM classified s
    LEFT JOIN LATERAL (
        SELECT k.ctid AS row, k.risk_score, k.risk_group, k.version FROM customer_risk k
        WHERE k.company = $1 AND k.customer = s.customer OFFSET 0) k ON true
    WHERE (s.risk_score, s.risk_group) IS DISTINCT FROM (coalesce(k.risk_score, 0), k.risk_group)
    ORDER BY s.customer
), first AS (
    INSERT INTO customer_risk (company, customer, risk_score, risk_group, calculated_at, version)
    SELECT $1, customer, risk_score, risk_group, $4, version FROM changed WHERE row IS NULL
), again AS (
    UPDATE customer_risk r SET risk_score = c.risk_score, risk_group = c.risk_group, calculated_at = $4,
                               version = c.version
    FROM changed c WHERE c.row IS NOT NULL AND r.ctid = c.row
), noted AS (
    INSERT INTO customer_risk_history (at, as_of, company, customer, version, risk_score, risk_group,
        former_risk_score, former_risk_group, who)
    SELECT $4, $3, $1, customer, version, risk_score, risk_group, former_score, former_group, $6 FROM changed
"""
TOLD = """), given AS MATERIALIZED (
    SELECT $8::text AS topic, $1 || '/' || customer AS key, $9::text AS type, lane, NULL::text AS trace,
           row_number() OVER () AS place,
           json_strip_nulls(json_build_object(
               'company', $1::text, 'customer', customer, 'version', version, 'risk_score', risk_score::text,
               'risk_group', risk_group, 'former_risk_score', former_score::text, 'former_risk_group', former_group,
               'changed_at', $7::text, 'changed_by', $6::text))::text AS body
    FROM changed
), """
UPDATE = SCORED + KEEP_VALUES + TOLD + shifted(outbox.PUBLISH_GIVEN, 4)
"""The customers are locked: what is not known is not there, and what was read stays where it lies (`ctid`) until it is
written. Values of groups that were removed end. The events, which follow from no other event, are written here too:
made and sent by Python they cost as much as all the rest."""
IS_SET_UP = """
SELECT EXISTS (SELECT FROM scoring_group WHERE company = $1) OR EXISTS (SELECT FROM risk_group WHERE company = $1)
    OR EXISTS (SELECT FROM customer_risk WHERE company = $1)
"""


async def update_risk_scores(work: Work, company: str, customers: Collection[str], as_of: date, by: str) -> int:
    """Score and classify these customers as of a business date; what changed is published and counted."""
    if not await work.conn.fetchval(IS_SET_UP, company):
        return 0
    await lock_accounts(work, [(company, customer) for customer in customers])
    names = sorted(customers)
    decimals = decimals_of(kept.group.band for kept in await risk_groups(work, company))
    topic, kind = RiskChanged.topic.name, RiskChanged.event_type
    lanes = [outbox.lane_of(f"{company}/{name}") for name in names]
    done: str = await work.conn.execute(
        UPDATE, company, names, as_of, work.business_now, decimals, by, work.business_now.isoformat(), topic, kind,
        lanes, work.now,
    )  # fmt: skip
    work.on_commit(outbox.WRITTEN.send)
    return int(done.split()[-1])
