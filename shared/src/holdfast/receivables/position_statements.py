"""The SQL of positions: with the orders that wait one by one, or added up between the orders that are checked.

Two statements, since each part of a plan costs its preparation at every run, needed or not; `OFFSET 0` keeps what is
used several times from being several parts.
"""

from __future__ import annotations

COMMON = """
SELECT p.company, p.customer, c.currency, coalesce(c.live, false) AS live, day.check_date::text AS check_date,
    coalesce(c.exchange_rate_type, 'default') AS rate_type,
    (SELECT true FROM customer m WHERE m.company = p.company AND m.customer = p.customer) IS NOT NULL AS known,
    (SELECT json_agg(json_build_array(b.currency, b.open_debits::text, b.open_credits::text,
                b.balance::text, b.debit_count, b.credit_count, b.oldest_due_date, (b.overdue + CASE
                    WHEN b.next_due_date < day.check_date OR day.check_date < b.overdue_on
                    THEN CASE WHEN day.check_date < b.overdue_on THEN -1 ELSE 1 END * coalesce((
                        SELECT sum(d.open_amount) FROM document d
                        WHERE d.company = p.company AND d.customer = p.customer AND d.currency = b.currency
                          AND d.is_debit AND d.open_amount > 0
                          AND d.due_date >= least(b.overdue_on, day.check_date)
                          AND d.due_date < greatest(b.overdue_on, day.check_date)), 0)
                    ELSE 0 END)::text))
     FROM balance b WHERE b.company = p.company AND b.customer = p.customer) AS balances,
"""
"""What was overdue on the day of the last refresh is at hand; what falls due between that day and the day asked about
is added, or taken off where that lies before."""
ONE_BY_ONE = """
    (SELECT json_agg(json_build_array(o.currency, NULL, o.open_amount::text, o.uninvoiced::text, '0'))
     FROM (SELECT s.currency, coalesce(sum(s.open_amount) FILTER (
                      WHERE p.horizon IS NULL OR s.requested_delivery_date IS NULL
                         OR s.requested_delivery_date <= day.check_date + p.horizon), 0) AS open_amount,
                  sum(s.uninvoiced_amount) AS uninvoiced
           FROM sales_order s
           WHERE s.company = p.company AND s.customer = p.customer
             AND (s.open_amount > 0 OR s.uninvoiced_amount > 0)
             AND s.credit_status IN ('passed', 'released') AND s.invoiced_foreign IS NULL
             AND s.order_no <> ALL (listed.numbers)
           GROUP BY s.currency) o) AS sums,
    NULL AS moments, NULL AS placed_orders,
    (SELECT json_agg(@order@)
     FROM ((SELECT * FROM sales_order o
            WHERE o.company = p.company AND o.customer = p.customer
              AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
              AND (o.credit_status NOT IN ('passed', 'released') OR o.invoiced_foreign IS NOT NULL)
              AND o.order_no <> ALL (listed.numbers) LIMIT $7)
           UNION ALL
           SELECT * FROM sales_order o
           WHERE o.company = p.company AND o.order_no = ANY (listed.numbers)) s) AS orders,
    promised.reservations
FROM unnest($1::text[], $2::text[], $6::integer[], $5::text[]) AS p(company, customer, horizon, named)
@day@
CROSS JOIN LATERAL (
    SELECT json_agg(@reservation@) AS reservations, array_agg(r.order_no) AS numbers
    FROM (SELECT * FROM reservation r WHERE r.company = p.company AND r.customer = p.customer LIMIT $7) r) promised
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT json_array_elements_text(p.named::json)) || promised.numbers AS numbers OFFSET 0) listed
"""
ADDED_UP = """
    (SELECT json_agg(json_build_array(o.currency, o.after, o.open_amount::text, o.uninvoiced::text, o.reserved::text))
     FROM (SELECT s.currency, CASE
                      WHEN s.status IN ('passed', 'released') THEN NULL
                      WHEN cardinality(placed.moments) = 1 THEN (
                          (coalesce(s.created_at, 'infinity'), s.order_no COLLATE "C")
                          > (placed.moments[1], placed.orders[1]))::integer
                      ELSE (SELECT count(*) FROM unnest(placed.moments, placed.orders) AS m (at, order_no)
                            WHERE (coalesce(s.created_at, 'infinity'), s.order_no COLLATE "C") > (m.at, m.order_no))
                      END AS after,
                  sum(s.open_amount) AS open_amount, sum(s.uninvoiced_amount) AS uninvoiced, sum(s.reserved) AS reserved
           FROM (SELECT s.currency, s.credit_status AS status, s.created_at, s.order_no,
                        CASE WHEN p.horizon IS NULL OR s.requested_delivery_date IS NULL
                               OR s.requested_delivery_date <= day.check_date + p.horizon
                             THEN s.open_amount ELSE 0 END AS open_amount,
                        s.uninvoiced_amount, 0 AS reserved
                 FROM sales_order s
                 WHERE s.company = p.company AND s.customer = p.customer
                   AND (s.open_amount > 0 OR s.uninvoiced_amount > 0)
                   AND s.invoiced_foreign IS NULL AND s.order_no <> ALL (listed.numbers)
                 UNION ALL
                 SELECT r.currency, r.status, r.created_at, r.order_no, 0, 0, CASE
                            WHEN o.order_no IS NULL THEN r.amount
                            WHEN greatest(o.version, o.cancel_version) >= greatest(1, r.order_version) THEN 0
                            ELSE greatest(0, r.amount - o.invoiced - CASE
                                WHEN o.version > 0 AND o.customer = r.customer
                                THEN o.open_amount + o.uninvoiced_amount ELSE 0 END) END
                 FROM reservation r
                 LEFT JOIN LATERAL (
                     SELECT * FROM sales_order o
                     WHERE o.company = r.company AND o.order_no = r.order_no OFFSET 0) o ON true
                 WHERE r.company = p.company AND r.customer = p.customer
                   AND r.order_no <> ALL (listed.numbers)) s
           GROUP BY 1, 2) o) AS sums,
    to_json(placed.moments) AS moments, to_json(placed.orders) AS placed_orders,
    (SELECT json_agg(@order@)
     FROM (SELECT * FROM sales_order o
           WHERE o.company = p.company AND o.customer = p.customer
             AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
             AND o.invoiced_foreign IS NOT NULL
             AND o.order_no <> ALL (listed.numbers)
           UNION ALL
           SELECT * FROM sales_order o
           WHERE o.company = p.company AND o.order_no = ANY (listed.numbers)) s) AS orders,
    (SELECT json_agg(@reservation@)
     FROM reservation r WHERE r.company = p.company AND r.customer = p.customer
        AND r.order_no = ANY (listed.numbers)) AS reservations
FROM unnest($1::text[], $2::text[], $6::integer[], $5::text[], $7::text[])
     AS p(company, customer, horizon, named, places)
@day@
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT json_array_elements_text(p.named::json)
                 UNION ALL
                 SELECT r.order_no FROM reservation r
                 LEFT JOIN LATERAL (
                     SELECT * FROM sales_order o
                     WHERE o.company = r.company AND o.order_no = r.order_no OFFSET 0) o ON true
                 WHERE r.company = p.company AND r.customer = p.customer
                   AND (o.invoiced_foreign IS NOT NULL
                        OR (o.currency IS DISTINCT FROM r.currency AND (o.currency IS NOT NULL OR o.invoiced <> 0)))
       ) AS numbers OFFSET 0) listed
CROSS JOIN LATERAL (
    SELECT array_agg(coalesce((e.place ->> 0)::timestamptz, (
               SELECT o.created_at FROM sales_order o
               WHERE o.company = p.company AND o.order_no = e.place ->> 1), $4)) AS moments,
           array_agg(e.place ->> 1) AS orders
    FROM json_array_elements(p.places::json) AS e (place)) placed
"""
DAY = """LEFT JOIN company c ON c.company = p.company
CROSS JOIN LATERAL (
    SELECT coalesce($3::date, ($4::timestamptz AT TIME ZONE coalesce(c.time_zone, 'UTC'))::date)
           AS check_date) day"""
ORDER = """json_build_array(s.order_no, s.customer, s.currency, s.total::text, s.delivered::text, s.invoiced::text,
                s.invoiced_foreign, s.version, s.created_at, s.credit_status, s.cancel_version,
                s.requested_delivery_date)"""
RESERVATION = """json_build_array(r.order_no, r.currency, r.amount::text, r.order_version, r.status, r.created_at,
                r.reserved_at)"""


def _statement(orders: str) -> str:
    return (COMMON + orders).replace("@day@", DAY).replace("@order@", ORDER).replace("@reservation@", RESERVATION)


POSITIONS = _statement(ONE_BY_ONE)
"""Orders that wait one by one, of each customer at most `$7`: who gets so many has not got all."""
POSITIONS_ADDED_UP = _statement(ADDED_UP)
"""Orders that wait are added up between the places `$7`; those of which rates tell what is open never are."""
POSITIONS_AS_JSON = f"SELECT json_agg(row_to_json(p)) FROM ({POSITIONS}) p"
"""One value, for a statement that reads more."""
