"""What the routes of a company have in common: its part of the path, and who may see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from holdfast.contracts.scalars import ONE_WORD
from holdfast.web.auth import Caller
from holdfast.web.problems import not_found

Company = Annotated[str, Path(max_length=20, pattern=ONE_WORD)]


def see(caller: Caller, company: str) -> None:
    """Raises Problem 404 for a company that is not the caller's."""
    if not caller.sees(company):
        raise not_found(f"company {company}")
