"""Reads the positions of many customers: one statement, one more for those whose orders are added up, and one when
foreign currencies are involved."""

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
from holdfast.receivables.position_statements import POSITIONS, POSITIONS_ADDED_UP
from holdfast.receivables.rates import Rate, read_rates
from holdfast.receivables.sums import FIRST, Place, Sums, Waiting

NOTHING: Mapping[Any, Any] = {}
MOST_PLACES = 20
"""Checks of a customer in one batch up to which adding up between them beats reading every order that waits once."""
AskedPlace = tuple[datetime | None, str]
"""When an order was created, as its check says, and its number; without, its state tells, else it is created now."""
Row = asyncpg.Record | Mapping[str, Any]
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
    rows = await read_rows(work, requests, check_date=check_date, horizons=horizons, places=places)
    return await positions_of(work, rows, currencies=currencies, into=into, rate_types=rate_types, horizons=horizons)


async def read_rows(
    work: Work,
    requests: Mapping[Party, Collection[str]] | Collection[Party],
    *,
    check_date: date | None = None,
    horizons: Mapping[Party, int] = NOTHING,
    places: Mapping[Party, Collection[AskedPlace]] = NOTHING,
) -> list[asyncpg.Record]:
    """Rows for `positions_of`; what is asked is as `read_positions` has it. Of a customer with very many places each
    order is read after all."""
    asked = requests if isinstance(requests, Mapping) else dict.fromkeys(requests, ())
    added = {party: named for party, named in asked.items() if 0 < len(places.get(party, ())) <= MOST_PLACES}
    read = {party: named for party, named in asked.items() if party not in added}
    rows: list[asyncpg.Record] = []
    if read:
        rows += await work.conn.fetch(POSITIONS, *position_values(work, read, horizons, check_date), None)
    if added:
        between = [_places(places[party]) for party in sorted(added)]
        values = position_values(work, added, horizons, check_date)
        rows += await work.conn.fetch(POSITIONS_ADDED_UP, *values, between)
    return rows


def position_values(
    work: Work,
    asked: Mapping[Party, Collection[str]],
    horizons: Mapping[Party, int],
    check_date: date | None = None,
) -> list[Any]:
    """The parameters that the statements have in common: all but the last."""
    parties = sorted(asked)
    return [
        [party[0] for party in parties],
        [party[1] for party in parties],
        check_date,
        work.business_now,
        [to_json(sorted(asked[party])) for party in parties],
        [horizons.get(party) for party in parties],
    ]


def _places(asked: Collection[AskedPlace]) -> str:
    return to_json([[created_at and created_at.isoformat(), order] for created_at, order in asked])


def is_cut(row: Row, most: int) -> bool:
    """Whether a customer may have more orders or reservations than the `most` that were read one by one."""
    return max(len(row["orders"] or ()), len(row["reservations"] or ())) >= most


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


def _position(row: Row, horizons: Mapping[Party, int]) -> Position:
    company, customer = row["company"], row["customer"]
    days, check_date = horizons.get((company, customer)), date.fromisoformat(row["check_date"])
    places, balances = _places_of(row), row["balances"] or ()
    return Position(
        company=company,
        customer=customer,
        check_date=check_date,
        currency=row["currency"],
        live=row["live"],
        customer_known=row["known"],
        balances={item[0]: _balance(item) for item in balances},
        overdue={item[0]: amount for item in balances if (amount := Decimal(item[7]))},
        passed={item[0]: _sums(item) for item in row["sums"] or () if item[1] is None},
        waiting=[Waiting(places[item[1]], item[0], _sums(item)) for item in row["sums"] or () if item[1] is not None],
        places=frozenset(places),
        orders={item[0]: _order(item) for item in row["orders"] or ()},
        reservations={item[0]: _reservation(company, customer, item) for item in row["reservations"] or ()},
        horizon=None if days is None else check_date + timedelta(days=days),
    )


def _balance(item: list[Any]) -> Balance:
    _, debits, credit, balance, debit_count, credit_count, oldest, _ = item
    due = date.fromisoformat(oldest) if oldest else None
    return Balance(Decimal(debits), Decimal(credit), Decimal(balance), debit_count, credit_count, due)


def _sums(item: list[Any]) -> Sums:
    return Sums(Decimal(item[2]), Decimal(item[3]), Decimal(item[4]))


def _places_of(row: Row) -> list[Place]:
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
