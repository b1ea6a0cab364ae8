"""Query parameters that a route does not know are refused: a filter that is written wrongly would not filter."""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from holdfast.web.problems import field_problem


def _names(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_names(below) for below in dependant.dependencies))


async def known_parameters(request: Request) -> None:
    """A dependency of every route. Raises Problem 422."""
    if not request.query_params:
        return
    route: APIRoute = request.scope["route"]
    known = _names(route.dependant)
    for name, value in request.query_params.items():
        if name not in known:
            remedy = f"Choose from {', '.join(sorted(known))}." if known else "Leave it out; the route takes none."
            raise field_problem(
                422, "unknown-parameter", "There is no such query parameter", name, value,
                "is no query parameter of this route", remedy,
            )  # fmt: skip
