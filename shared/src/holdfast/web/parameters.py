"""Parameters that a route does not have are refused: a filter that is misspelled would silently show everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from holdfast.web.auth import caller_of
from holdfast.web.problems import Problem, field_problem


async def only_known(request: Request) -> None:
    """A dependency. Raises Problem 401 without a caller, 422 for a parameter that is unknown or given twice."""
    given = request.query_params.multi_items()
    if not given:
        return
    caller_of(request)
    known = frozenset(_names(request.scope["route"].dependant))
    for name, times in Counter(name for name, _ in given).items():
        if name not in known:
            here = f"Those of this route are {', '.join(sorted(known))}." if known else "This route has none."
            raise _refused(name, request.query_params[name], "there is no such parameter", here)
        if times > 1:
            raise _refused(name, request.query_params[name], "the parameter is given more than once", "Give it once.")


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _names(below)


def _refused(name: str, value: str, problem: str, remedy: str) -> Problem:
    return field_problem(422, "invalid", "The request is not valid", name, value, problem, remedy)
