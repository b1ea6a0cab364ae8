"""Exposure and reconciliation over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.contracts.holds import HoldCancelled, OrderCleared, OrderHeld, OrderReleased, ReservationExpired

NO_LINES = {"lines": [], "tax_amount": "0"}


async def set_limit(client: httpx.AsyncClient, amount: str) -> None:
    headers = {"idempotency-key": str(uuid4()), "if-none-match": "*"}
    body = {"credit_limit": {"amount": amount, "currency": "EUR"}}
    assert (await client.put("/v1/credit-profiles/DE01/C-1001", json=body, headers=headers)).status_code == 201


async def read(client: httpx.AsyncClient) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get("/v1/exposures/DE01/C-1001")).json()
    return shown


async def test_exposure_adds_up_and_is_held_against_the_limit(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await set_limit(client, "10000")
    await credit.facts(
        made("erp.invoice.posted.v1", amount="2000", due_date="2026-02-28", order=None, **NO_LINES),
        made("erp.order.changed.v1", order="SO-1", total="7000", charges="0", lines=[]),
        made("erp.delivery.posted.v1", order="SO-1", amount="3000", lines=[]),
    )
    shown = await read(client)
    amounts = {name: shown[name]["amount"] for name in ("balance", "delivered_not_invoiced", "open_orders")}
    assert amounts == {"balance": "2000.00", "delivered_not_invoiced": "3000.00", "open_orders": "4000.00"}
    assert (shown["used_percent"], shown["available"]["amount"]) == ("90.00", "1000.00")
    assert shown["days_overdue"] == 2


async def test_reservations_come_from_hold_service(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await set_limit(client, "10000")
    decided = {"order": "SO-9", "order_amount": "1190.00"}
    await credit.facts(made(OrderHeld.event_type, **decided))
    assert (await read(client))["reserved"]["amount"] == "1190.00"
    await credit.facts(made(OrderReleased.event_type, **decided))
    assert (await read(client))["reserved"]["amount"] == "1190.00"
    await credit.facts(made(OrderCleared.event_type, **{**decided, "order": "SO-8", "proforma": True}))
    assert (await read(client))["reserved"]["amount"] == "1190.00"
    await credit.facts(made(OrderCleared.event_type, **{**decided, "order": "SO-7", "still_held": True}))
    assert (await read(client))["reserved"]["amount"] == "1190.00"
    await credit.facts(made(HoldCancelled.event_type, **decided))
    assert (await read(client))["reserved"]["amount"] == "0.00"
    await credit.facts(made(OrderCleared.event_type, **{**decided, "order": "SO-7"}))
    await credit.facts(made(ReservationExpired.event_type, order="SO-7"))
    assert (await read(client))["reserved"]["amount"] == "0.00"


async def test_without_a_profile_there_is_no_credit(credit: Any, client: httpx.AsyncClient) -> None:
    shown = await read(client)
    assert (shown["profile_version"], shown["limit"]["amount"]) == (None, "0.00")
    assert (await client.get("/v1/exposures/DE01/NOBODY")).status_code == 404


async def test_reconciliation_names_every_difference_and_no_other(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await credit.facts(
        made("erp.invoice.posted.v1", amount="2380", order=None, **NO_LINES),
        made("erp.balance.reported.v1"),
        made("erp.invoice.posted.v1", customer="C-2", document="I-2", amount="5", order=None, **NO_LINES),
        made("erp.balance.reported.v1", customer="C-2"),
    )
    found = (await client.get("/v1/reconciliation", params={"company": "DE01", "only_differences": True})).json()
    assert found["differences"] == 1
    assert [(i["customer"], i["reported"]["amount"], i["computed"]["amount"]) for i in found["items"]] == [
        ("C-2", "2380.00", "5.00")
    ]


async def test_those_nearest_to_their_limit_come_first(
    credit: Any, client: httpx.AsyncClient, made: Callable[..., Any]
) -> None:
    await set_limit(client, "10000")
    await credit.facts(
        made("erp.invoice.posted.v1", amount="100", order=None, **NO_LINES),
        made("erp.invoice.posted.v1", customer="C-2", document="I-2", amount="5", order=None, **NO_LINES),
    )
    items = (await client.get("/v1/exposures", params={"company": "DE01"})).json()["items"]
    assert [i["customer"] for i in items] == ["C-2", "C-1001"]


STANDS = """
SELECT o.credit_status, r.status FROM sales_order o
LEFT JOIN reservation r ON r.company = o.company AND r.order_no = o.order_no WHERE o.order_no = 'SO-771'
"""
HELD, RELEASED, CANCELLED = OrderHeld, OrderReleased, HoldCancelled


@pytest.mark.parametrize(
    ("types", "stands"),
    [
        ((HELD, RELEASED, HELD), ("held", "held")),
        ((HELD, RELEASED), ("released", "released")),
        ((RELEASED, HELD, OrderCleared), ("passed", "passed")),
        ((HELD, CANCELLED), ("held", None)),
        ((HELD, CANCELLED, HELD, RELEASED), ("released", "released")),
        ((CANCELLED, HELD, CANCELLED), ("held", None)),
    ],
)
async def test_decisions_of_one_batch_count_in_their_order(
    credit: Any, made: Any, types: tuple[Any, ...], stands: tuple[str, str | None]
) -> None:
    await credit.facts(*(made(cls.event_type, sequence=n) for n, cls in enumerate(types, 1)))
    assert tuple(await credit.pool.fetchrow(STANDS)) == stands
