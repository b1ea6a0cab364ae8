"""Small lists that profiles and policies refer to (spec 1.2-1.4, 1.8). Plain values.

A new list is one class, registered where it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.base import Text


class Entry(BaseModel):
    """An entry of a list: its id, and what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Text = ""


LISTS: dict[str, type[Entry]] = {}


def listed(name: str) -> Callable[[type[Entry]], type[Entry]]:
    """Register a list under its name in the API."""

    def register(cls: type[Entry]) -> type[Entry]:
        LISTS[name] = cls
        return cls

    return register


@listed("account-statuses")
class AccountStatus(Entry):
    """Credit standing; assigning it to a customer stops deliveries or invoices as it says (spec 1.3)."""

    hold_effect: Literal["none", "invoice", "all"] = Field(
        "none", description="invoice: no packing slip and no invoice; all: no document at all"
    )


@listed("status-reasons")
class StatusReason(Entry):
    """Why a customer has an account status (spec 1.4)."""


@listed("credit-management-groups")
class CreditManagementGroup(Entry):
    """Aims rules at customers and scores them; not a shared limit (spec 1.2)."""


@listed("policy-types")
class PolicyType(Entry):
    """A type of insurance or guarantee (spec 1.8)."""


@listed("coverage-types")
class CoverageType(Entry):
    """What an insurance covers (spec 1.8)."""


@listed("collection-groups")
class CollectionGroup(Entry):
    """Classification for collections staff (spec 1.1)."""
