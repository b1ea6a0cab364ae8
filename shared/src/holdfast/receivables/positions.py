"""Reads the positions of many customers: one statement, and one more when foreign currencies are involved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from holdfast.database.pool import to_json
from holdfast.database.work import Work
from holdfast.receivables.model import Balance, OrderState, Party, Position, Reservation
from holdfast.receivables.rates import Rate, read_rates
from holdfast.receivables.sums import FIRST, Place, Sums, Waiting

NOTHING: Mapping[Any, Any] = {}
MOST_PLACES = 20
"""Checks of a customer in one batch up to which adding up between them beats reading every order that waits once."""
AskedPlace = tuple[datetime | None, str]
"""When an order was created, as its check says, and its number; without, its state tells, else it is created now."""
POSITIONS = """
SELECT p.company, p.customer, c.currency, coalesce(c.live, false) AS live, day.check_date::text AS check_date,
    coalesce(c.exchange_rate_type, 'default') AS rate_type,
    (SELECT true FROM customer m WHERE m.company = p.company AND m.customer = p.customer) IS NOT NULL AS known,
    (SELECT json_agg(json_build_array(b.currency, b.open_debits::text, b.open_credits::text,
                b.balance::text, b.debit_count, b.credit_count, b.oldest_due_date))
     FROM balance b WHERE b.company = p.company AND b.customer = p.customer) AS balances,
    (SELECT json_object_agg(o.currency, o.amount::text)
     FROM (SELECT b.currency, b.overdue + CASE
                      WHEN b.next_due_date < day.check_date OR day.check_date < b.overdue_on
                      THEN sign(day.check_date - b.overdue_on)::integer * coalesce((
                          SELECT sum(d.open_amount) FROM document d
                          WHERE d.company = p.company AND d.customer = p.customer AND d.currency = b.currency
                            AND d.is_debit AND d.open_amount > 0
                            AND d.due_date >= least(b.overdue_on, day.check_date)
                            AND d.due_date < greatest(b.overdue_on, day.check_date)), 0)
                      ELSE 0 END AS amount
           FROM balance b WHERE b.company = p.company AND b.customer = p.customer OFFSET 0) o
     WHERE o.amount <> 0) AS overdue,
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
                   AND (s.credit_status IN ('passed', 'released') OR p.places IS NOT NULL)
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
                 WHERE p.places IS NOT NULL AND r.company = p.company AND r.customer = p.customer
                   AND r.order_no <> ALL (listed.numbers)) s
           GROUP BY 1, 2) o) AS sums,
    to_json(placed.moments) AS moments, to_json(placed.orders) AS placed_orders,
    (SELECT json_agg(json_build_array(s.order_no, s.customer, s.currency, s.total::text, s.delivered::text,
                s.invoiced::text, s.invoiced_foreign, s.version, s.created_at, s.credit_status, s.cancel_version,
                s.requested_delivery_date))
     FROM (SELECT * FROM sales_order o
           WHERE o.company = p.company AND o.customer = p.customer
             AND (o.open_amount > 0 OR o.uninvoiced_amount > 0)
             AND ((p.places IS NULL AND o.credit_status NOT IN ('passed', 'released'))
                  OR o.invoiced_foreign IS NOT NULL)
             AND o.order_no <> ALL (listed.numbers)
           UNION ALL
           SELECT * FROM sales_order o
           WHERE o.company = p.company AND o.order_no = ANY (listed.numbers)) s) AS orders,
    (SELECT json_agg(json_build_array(r.order_no, r.currency, r.amount::text, r.order_version, r.status,
                r.created_at, r.reserved_at))
     FROM reservation r WHERE r.company = p.company AND r.customer = p.customer
        AND (p.places IS NULL OR r.order_no = ANY (listed.numbers))) AS reservations
FROM unnest($1::text[], $2::text[], $6::integer[], $5::text[], $7::text[])
     AS p(company, customer, horizon, named, places)
LEFT JOIN company c ON c.company = p.company
CROSS JOIN LATERAL (
    SELECT coalesce($3::date, ($4::timestamptz AT TIME ZONE coalesce(c.time_zone, 'UTC'))::date)
           AS check_date) day
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT json_array_elements_text(p.named::json)
                 UNION ALL
                 SELECT r.order_no FROM reservation r
                 LEFT JOIN LATERAL (
                     SELECT * FROM sales_order o
                     WHERE o.company = r.company AND o.order_no = r.order_no OFFSET 0) o ON p.places IS NOT NULL
                 WHERE r.company = p.company AND r.customer = p.customer
                   AND (p.places IS NULL OR o.invoiced_foreign IS NOT NULL
                        OR (o.currency IS DISTINCT FROM r.currency AND (o.currency IS NOT NULL OR o.invoiced <> 0)))
       ) AS numbers) listed
CROSS JOIN LATERAL (
    SELECT array_agg(coalesce((e.place ->> 0)::timestamptz, (
               SELECT o.created_at FROM sales_order o
               WHERE o.company = p.company AND o.order_no = e.place ->> 1), $4)) AS moments,
           array_agg(e.place ->> 1) AS orders
    FROM json_array_elements(p.places::json) AS e (place)) placed
"""
"""What was overdue on the day of the last refresh is at hand; what has fallen due since is added. Where the places of
all checks are known, orders that wait are added up between them; those of which rates tell what is open never are."""
POSITIONS_AS_JSON = f"SELECT json_agg(row_to_json(p)) FROM ({POSITIONS}) p"
"""One value, for a statement that reads more."""
Rows = Collection[asyncpg.Record] | Collection[Mapping[str, Any]]


async def read_positions(
    work: Work,
    requests: Mapping[Party, Collection[str]] | Collection[Party],
    *,
    check_date: date | None = None,
    currencies: Collection[str] = (),
    into: Mapping[Party, str] = NOTHING,
    rate_types: Mapping[str, str] = NOTHING,
    horizons: Mapping[Party, int] = NOTHING,
    places: Mapping[Party, Collection[AskedPlace]] = NOTHING,
) -> dict[Party, Position]:
    """The position of each customer; with a mapping also the state of the orders named for it.

    `check_date`: the business date in the company's time zone when absent. `currencies` are those of the
    checks, so that their rates are there. `into`: a currency that a customer's company currency is to be
    converted into. `rate_types`: of companies that do not use their default one. `horizons`: days from the check
    date beyond which a customer's orders do not count as open. `places`: when the orders that will be checked were
    created, of customers of whom nothing else will be asked: the others that wait are added up instead of being read.
    Lock the customers first, in a statement of its own, to decide on the answer.
    """
    if not requests:
        return {}
    rows = await work.conn.fetch(POSITIONS, *position_values(work, requests, horizons, check_date, places))
    return await positions_of(work, rows, currencies=currencies, into=into, rate_types=rate_types, horizons=horizons)


def position_values(
    work: Work,
    requests: Mapping[Party, Collection[str]] | Collection[Party],
    horizons: Mapping[Party, int],
    check_date: date | None = None,
    places: Mapping[Party, Collection[AskedPlace]] = NOTHING,
) -> list[Any]:
    """The parameters of `POSITIONS`; the rest is as `read_positions` has it."""
    parties = sorted(set(requests))
    asked: Mapping[Party, Collection[str]] = requests if isinstance(requests, Mapping) else {}
    return [
        [party[0] for party in parties],
        [party[1] for party in parties],
        check_date,
        work.business_now,
        [to_json(sorted(asked.get(party, ()))) for party in parties],
        [horizons.get(party) for party in parties],
        [_places(places.get(party, ())) for party in parties],
    ]


def _places(asked: Collection[AskedPlace]) -> str | None:
    """The places as JSON; None where there are none, or so many that each order is better read."""
    if not 0 < len(asked) <= MOST_PLACES:
        return None
    return to_json([[created_at and created_at.isoformat(), order] for created_at, order in asked])


async def positions_of(
    work: Work,
    rows: Rows,
    *,
    currencies: Collection[str],
    into: Mapping[Party, str],
    rate_types: Mapping[str, str],
    horizons: Mapping[Party, int],
) -> dict[Party, Position]:
    """What `POSITIONS` has read, with the rates that are needed."""
    found = {(row["company"], row["customer"]): _position(row, horizons) for row in rows}
    types = {row["company"]: rate_types.get(row["company"]) or row["rate_type"] for row in rows}
    return await _with_rates(work, found, types, set(currencies), into)


async def _with_rates(
    work: Work,
    positions: dict[Party, Position],
    rate_types: Mapping[str, str],
    currencies: set[str],
    into: Mapping[Party, str],
) -> dict[Party, Position]:
    needs = {
        (rate_types[p.company], code, p.currency, p.check_date)
        for p in positions.values()
        if p.currency
        for code in (p.currencies() | currencies) - {p.currency}
    }
    onward = {
        party: (rate_types[p.company], p.currency, into[party], p.check_date)
        for party, p in positions.items()
        if p.currency and party in into
    }
    if not needs and not onward:
        return positions
    rates = await read_rates(work, needs | set(onward.values()))
    by_target: dict[tuple[str, str, date], dict[str, Rate]] = {}
    for (rate_type, source, target, on), rate in rates.items():
        by_target.setdefault((rate_type, target, on), {})[source] = rate
    return {
        party: replace(
            p,
            rates=by_target.get((rate_types[p.company], p.currency or "", p.check_date), {}),
            onward={into[party]: rates[onward[party]]} if party in onward and onward[party] in rates else {},
        )
        for party, p in positions.items()
    }


def _position(row: asyncpg.Record | Mapping[str, Any], horizons: Mapping[Party, int]) -> Position:
    company, customer = row["company"], row["customer"]
    days, check_date = horizons.get((company, customer)), date.fromisoformat(row["check_date"])
    places = _places_of(row)
    return Position(
        company=company,
        customer=customer,
        check_date=check_date,
        currency=row["currency"],
        live=row["live"],
        customer_known=row["known"],
        balances={item[0]: _balance(item) for item in row["balances"] or ()},
        overdue={code: Decimal(amount) for code, amount in (row["overdue"] or {}).items()},
        passed={item[0]: _sums(item) for item in row["sums"] or () if item[1] is None},
        waiting=[Waiting(places[item[1]], item[0], _sums(item)) for item in row["sums"] or () if item[1] is not None],
        places=frozenset(places),
        orders={item[0]: _order(item) for item in row["orders"] or ()},
        reservations={item[0]: _reservation(company, customer, item) for item in row["reservations"] or ()},
        horizon=None if days is None else check_date + timedelta(days=days),
    )


def _balance(item: list[Any]) -> Balance:
    _, debits, credit, balance, debit_count, credit_count, oldest = item
    due = date.fromisoformat(oldest) if oldest else None
    return Balance(Decimal(debits), Decimal(credit), Decimal(balance), debit_count, credit_count, due)


def _sums(item: list[Any]) -> Sums:
    return Sums(Decimal(item[2]), Decimal(item[3]), Decimal(item[4]))


def _places_of(row: asyncpg.Record | Mapping[str, Any]) -> list[Place]:
    """The places of the checks after the one before them all; nothing where each order is read."""
    if not row["moments"]:
        return []
    moments = (datetime.fromisoformat(moment) for moment in row["moments"])
    return [FIRST, *sorted(zip(moments, row["placed_orders"], strict=True))]


def _order(item: list[Any]) -> OrderState:
    number, customer, currency, total, delivered, invoiced, foreign, version, created, status, cancelled, due = item
    return OrderState(
        order=number,
        customer=customer,
        currency=currency,
        total=Decimal(total or 0),
        delivered=Decimal(delivered),
        invoiced=Decimal(invoiced),
        invoiced_foreign={code: Decimal(amount) for code, amount in (foreign or {}).items()},
        version=version or 0,
        created_at=datetime.fromisoformat(created) if created else None,
        credit_status=status,
        cancel_version=cancelled,
        delivery_date=date.fromisoformat(due) if due else None,
    )


def _reservation(company: str, customer: str, item: list[Any]) -> Reservation:
    number, currency, amount, version, status, created, reserved = item
    created_at, reserved_at = datetime.fromisoformat(created), datetime.fromisoformat(reserved)
    return Reservation(company, number, customer, currency, Decimal(amount), version, status, created_at, reserved_at)
