"""A credit group's members with what each of them owes (spec 5)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from credit_service.exposure.aging import Ages, ages_in, shown_ages, total_of
from credit_service.exposure.model import GroupUse, View
from credit_service.exposure.reading import read_views
from credit_service.exposure.shown import shown_test, shown_use
from credit_service.exposure.store import ages_of
from credit_service.groups.store import members, read_group
from credit_service.paths import Code
from holdfast.database.work import transaction
from holdfast.receivables.limits import in_group_currency
from holdfast.receivables.model import Converter, Party
from holdfast.web.auth import Caller, require
from holdfast.web.changes import shown
from holdfast.web.money import money
from holdfast.web.problems import not_found, responses

router = APIRouter(prefix="/v1/credit-groups", tags=["exposure"])
Reader = Annotated[Caller, Depends(require("credit:see"))]


@router.get(
    "/{name}/exposure",
    operation_id="getGroupExposure",
    responses={200: {"description": "The group's exposure, and each member's"}, **responses(404)},
)
async def get_group_exposure(request: Request, name: Code, caller: Reader) -> Response:
    """Shared limit, exposure and available credit; what each member owes and is overdue with, and how old it is.

    Ages of a member are in its company currency, their sums in the group's. Members of other companies than the
    caller's appear as a number and totals only.
    """
    async with transaction(request.app.state.pool, isolation="repeatable_read") as work:
        group = await read_group(work, name)
        parties = (await members(work, [name]))[name]
        if group is None or not (caller.sees(group.owner_company) or any(caller.sees(c) for c, _ in parties)):
            raise not_found(f"credit group {name}")
        views = await read_views(work, parties)
        ages = await ages_of(work, [(*_party(view), view.exposure.position.check_date) for view in views])
    use = views[0].group if views else None
    use = use or GroupUse(group, group.credit_limit, None, ())
    own = {_party(view): ages_in(Converter(view.exposure.position), ages.get(_party(view), ())) for view in views}
    figures = {
        _party(view): _owed(view) | {"aging": shown_ages(own[_party(view)], view.exposure.parts.currency)}
        for view in views
    }
    body = shown_use(use, caller) | shown_test(use.test, use.missing_rates)
    body["members"] = [member | figures[member["company"], member["customer"]] for member in body["members"]]
    shared = {_party(view): _in_group(own[_party(view)], view, group.currency) for view in views}
    others = [found for party, found in shared.items() if not caller.sees(party[0])]
    body["aging"] = shown_ages(total_of(list(shared.values())), group.currency)
    body["aging_of_other_companies"] = shown_ages(total_of(others), group.currency)
    return shown(body)


def _party(view: View) -> Party:
    return view.exposure.position.company, view.exposure.position.customer


def _in_group(ages: Ages | None, view: View, currency: str) -> Ages | None:
    """Ages of a member in the group's currency; None when a rate lacks."""
    found = [in_group_currency(amount, view.exposure.position, currency) for amount in ages or ()]
    return None if ages is None or any(missing for _, missing in found) else tuple(amount for amount, _ in found)


def _owed(view: View) -> dict[str, Any]:
    """Balance and overdue amount of a member, in its company currency."""
    parts = view.exposure.parts
    known = bool(parts.currency) and not view.exposure.missing_rates
    return {
        "balance": money(parts.balance, parts.currency) if known else None,
        "overdue_amount": money(view.exposure.overdue_amount, parts.currency) if known else None,
        "days_overdue": view.exposure.days_overdue,
    }
