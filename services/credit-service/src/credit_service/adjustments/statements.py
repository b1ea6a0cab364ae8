"""The statements that posting is made of: limits, history and audit trail of all lines at once."""

from __future__ import annotations

LIMITS = """
WITH todo AS MATERIALIZED (
    SELECT l.customer, l.new_limit, l.new_to, p.credit_limit AS former, p.credit_limit_expiry_date AS former_to,
           r.code, round(CASE WHEN r.inverse THEN l.new_limit / r.rate ELSE l.new_limit * r.rate END, r.digits) AS own
    FROM adjustment_line l LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
    LEFT JOIN jsonb_to_recordset($9::jsonb) AS r (code text, rate numeric, inverse boolean, digits integer)
           ON r.code = p.customer_currency
    WHERE l.journal = $1 AND l.line = ANY($3::bigint[]) AND l.customer IS NOT NULL
), noted AS (
    INSERT INTO credit_limit_history (at, company, customer, field, source, who, why, old_limit, new_limit, valid_from,
                                      valid_to)
    SELECT $5, $2, customer, 'credit_limit', 'journal', $6, $1, former, new_limit, $7, new_to FROM todo
), audited AS (
    INSERT INTO audit_trail (at, who, what, company, subject, before, after, why, correlation_id)
    SELECT $5, $6, 'credit-limit.changed', $2, customer,
           CASE WHEN former IS NOT NULL
                THEN jsonb_build_object('credit_limit', former::text, 'credit_limit_expiry_date', former_to) END,
           jsonb_build_object('credit_limit', new_limit::text, 'credit_limit_expiry_date', new_to), 'journal ' || $1, $8
    FROM todo
), kept AS (
    INSERT INTO credit_profile AS p (company, customer, currency, version, credit_limit, credit_limit_date,
                                     credit_limit_expiry_date, changed_at, changed_by, customer_currency,
                                     credit_limit_customer_currency)
    SELECT $2, customer, $4, 1, new_limit, $7, new_to, $5, $6, code, own FROM todo
    ON CONFLICT (customer, company) DO UPDATE
    SET version = p.version + 1, credit_limit = excluded.credit_limit, credit_limit_date = excluded.credit_limit_date,
        credit_limit_expiry_date = excluded.credit_limit_expiry_date, customer_currency = excluded.customer_currency,
        credit_limit_customer_currency = excluded.credit_limit_customer_currency, changed_at = excluded.changed_at,
        changed_by = excluded.changed_by
)
SELECT customer, coalesce(former, 0) AS former, former_to, new_limit, new_to FROM todo ORDER BY customer
"""
"""The figure in the customer's currency follows from the posted limit at the rate of the day; without a rate there is
none."""

UNIDENTIFIED = """
SELECT l.customer
FROM adjustment_line l
LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
LEFT JOIN customer c ON c.customer = l.customer AND c.company = $2
WHERE l.journal = $1 AND l.line = ANY($3::bigint[]) AND l.customer IS NOT NULL
  AND l.new_limit > coalesce(p.credit_limit, 0) AND l.new_limit >= $4
  AND coalesce(trim(c.details ->> 'identification'), '') = ''
ORDER BY l.line LIMIT 10
"""
GROUP_LIMITS = """
WITH todo AS MATERIALIZED (
    SELECT g.name, l.new_limit, l.new_to, g.credit_limit AS former, g.expiry_date AS former_to, g.owner_company
    FROM adjustment_line l JOIN credit_group g ON g.name = l.credit_group
    WHERE l.journal = $1 AND l.line = ANY($2::bigint[])
), noted AS (
    INSERT INTO credit_limit_history (at, company, credit_group, field, source, who, why, old_limit, new_limit,
                                      valid_from, valid_to)
    SELECT $3, owner_company, name, 'credit_limit', 'journal', $4, $1, former, new_limit, $5, new_to FROM todo
), audited AS (
    INSERT INTO audit_trail (at, who, what, company, subject, before, after, why, correlation_id)
    SELECT $3, $4, 'credit-limit.changed', owner_company, name,
           jsonb_build_object('credit_limit', former::text, 'expiry_date', former_to),
           jsonb_build_object('credit_limit', new_limit::text, 'expiry_date', new_to), 'journal ' || $1, $6
    FROM todo
)
UPDATE credit_group g SET credit_limit = t.new_limit, expiry_date = t.new_to, version = g.version + 1
FROM todo t WHERE t.name = g.name
"""
TEMPORARY = """
WITH todo AS MATERIALIZED (
    SELECT l.*, t.amount AS former, t.from_date AS former_from, t.to_date AS former_to,
            coalesce(t.amount, p.credit_limit, g.credit_limit, 0) AS old_limit, coalesce(g.owner_company, $2) AS owner
    FROM adjustment_line l
    LEFT JOIN temporary_limit t ON t.id = l.replaces
    LEFT JOIN credit_profile p ON p.customer = l.customer AND p.company = $2
    LEFT JOIN credit_group g ON g.name = l.credit_group
    WHERE l.journal = $1 AND l.line = ANY($3::bigint[])
), replaced AS (
    DELETE FROM temporary_limit t USING todo WHERE t.id = todo.replaces
), noted AS (
    INSERT INTO credit_limit_history (at, company, customer, credit_group, field, source, who, why, old_limit,
                                      new_limit, valid_from, valid_to)
    SELECT $4, owner, customer, credit_group, 'temporary_limit', 'temporary', $5, $1, old_limit, new_limit, new_from,
           new_to
    FROM todo ORDER BY line
), audited AS (
    INSERT INTO audit_trail (at, who, what, company, subject, before, after, why, correlation_id)
    SELECT $4, $5, 'temporary-limit.given', owner, coalesce(customer, credit_group),
           CASE WHEN former IS NOT NULL
                THEN jsonb_build_object('amount', former::text, 'from_date', former_from, 'to_date', former_to) END,
           jsonb_build_object('amount', new_limit::text, 'from_date', new_from, 'to_date', new_to), 'journal ' || $1, $6
    FROM todo
)
INSERT INTO temporary_limit (id, company, customer, credit_group, amount, from_date, to_date, journal)
SELECT gen_random_uuid(), CASE WHEN customer IS NOT NULL THEN $2 END, customer, credit_group, new_limit, new_from,
       new_to, $1
FROM todo
"""
"""The old limit of the history is what is there now: the limit that is replaced, or else the permanent one."""
REPLACED = """
SELECT t.id, t.company, t.customer, t.credit_group, t.amount, t.from_date, t.to_date, t.announced AS former,
       'ended' AS announced
FROM adjustment_line l JOIN temporary_limit t ON t.id = l.replaces
WHERE l.journal = $1 AND l.line = ANY($2::bigint[]) AND t.announced = 'started' ORDER BY t.from_date, t.id
"""
"""Those that the world was told of: they end early."""
GROUP_VERSIONS = "UPDATE credit_group SET version = version + 1 WHERE name = ANY($1::text[])"
DONE = "UPDATE adjustment_line SET posted = true WHERE journal = $1 AND line = ANY($2::bigint[])"
CLOSE = """
UPDATE adjustment_journal j SET version = version + 1, posted_at = $2, posted_by = $3,
       posted = NOT EXISTS (SELECT FROM adjustment_line l WHERE l.journal = j.number AND NOT l.posted)
WHERE number = $1
"""
