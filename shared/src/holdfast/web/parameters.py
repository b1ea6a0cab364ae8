"""Query parameters that a route does not know are refused: a filter that is written wrongly would not filter.

So is one that is given twice: only the last would count.
"""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from holdfast.web.auth import caller_of
from holdfast.web.problems import field_problem


def _names(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_names(below) for below in dependant.dependencies))


async def known_parameters(request: Request) -> None:
    """A dependency of every route. Raises Problem 401 without a caller, 422 for an unknown or repeated parameter."""
    if not request.query_params:
        return
    await caller_of(request)
    route: APIRoute = request.scope["route"]
    known = _names(route.dependant)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        value = request.query_params[name]
        if name not in known:
            remedy = f"Choose from {', '.join(sorted(known))}." if known else "Leave it out; the route takes none."
            raise field_problem(
                422, "unknown-parameter", "There is no such query parameter", name, value,
                "is no query parameter of this route", remedy,
            )  # fmt: skip
        if times > 1:
            raise field_problem(
                422, "repeated-parameter", "A query parameter is given more than once", name, value,
                "is given more than once", "Give it once.",
            )  # fmt: skip
