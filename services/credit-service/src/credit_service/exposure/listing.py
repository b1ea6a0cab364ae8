"""A page of the list of exposures: the standing of each customer is kept, and computed anew once its state has changed.

A standing names the state it was computed from (exposure/store.py), so that it is exact or not used: what a reader
keeps late, or beside a change, is never taken for the present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from credit_service.exposure import store
from credit_service.exposure.model import (
    ORDERS,
    Concentration,
    SortKey,
    View,
    by_exposure,
    by_uninsured,
    by_used_percent,
    owed,
    reaches,
)
from credit_service.exposure.reading import read_views
from credit_service.exposure.store import Standing
from holdfast.database.bulk import chunks
from holdfast.database.work import Work

VALUES = {"-used_percent": "used", "-exposure": "exposure", "-uninsured_exposure": "uninsured"}
LISTED = 5
"""Where a computed standing says whether its customer has any figures."""
AT_ONCE = 500
"""Customers that are computed by one set of statements: other requests go on between them."""


@dataclass(slots=True)
class Listed:
    """A page of `limit` + 1 views with their place in the order, and standings that were computed for it."""

    views: list[tuple[SortKey, View]] = field(default_factory=list)
    setting: str = ""
    computed: list[tuple[Any, ...]] = field(default_factory=list)


async def read_page(
    work: Work, companies: list[str] | None, company: str | None, sort: str, least: Decimal | None,
    after: SortKey | None, limit: int,
) -> Listed:  # fmt: skip
    """The next customers in their order, as of the instant of the transaction (repeatable read)."""
    listed = Listed(setting=await store.read_setting(work))
    found = await store.read_standings(work, listed.setting, companies, company, VALUES[sort], least, after, limit + 1)
    keys = {known.party: known.key for known in found if known.key is not None}
    views: dict[tuple[str, str], View] = {}
    for some in chunks([standing for standing in found if standing.key is None], AT_ONCE):
        for standing, view in zip(some, await _compute(work, some, listed), strict=True):
            if view is not None and reaches(view, least) and (after is None or ORDERS[sort](view) > after):
                keys[standing.party], views[standing.party] = ORDERS[sort](view), view
    places = sorted((key, party) for party, key in keys.items())[: limit + 1]
    others = [party for _, party in places if party not in views]
    views |= dict(zip(others, await read_views(work, others), strict=True))
    listed.views = [(key, views[party]) for key, party in places]
    return listed


async def read_concentration(work: Work, company: str, top: int) -> tuple[Concentration, Listed]:
    """A company's largest customers, as of the instant of the transaction (repeatable read)."""
    listed = Listed(setting=await store.read_setting(work))
    stale = await store.read_standings(work, listed.setting, None, company, VALUES["-exposure"], None, None, 0)
    for some in chunks(stale, AT_ONCE):
        await _compute(work, some, listed)
    anew = [(row[1], *row[-2:]) for row in listed.computed if row[LISTED]]
    return await store.read_concentration(work, listed.setting, company, anew, top), listed


async def _compute(work: Work, standings: Sequence[Standing], listed: Listed) -> list[View | None]:
    """The views of customers whose standing is not known; None for those without any figures."""
    parties = [standing.party for standing in standings]
    shown, views = await store.with_figures(work, parties), await read_views(work, parties)
    for standing, view in zip(standings, views, strict=True):
        rank, used, *_ = by_used_percent(view)
        listed.computed.append((
            *standing.party, *standing.state, standing.party in shown, rank, used, by_exposure(view)[1],
            by_uninsured(view)[1], *owed(view),
        ))  # fmt: skip
    return [view if standing.party in shown else None for standing, view in zip(standings, views, strict=True)]
