"""Small lists that profiles and policies refer to (spec 1.2-1.4, 1.8). Plain values.

A new list is one class, registered where it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.contracts.base import Text


class Entry(BaseModel):
    """An entry of a list: its id, and what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Text = ""


@dataclass(frozen=True, slots=True)
class Use:
    """The field that names entries of a list: of profiles or of policies; `scores`: scoring groups of the type that
    is called like the field name them too."""

    field: str
    of_policies: bool = False
    scores: bool = False


LISTS: dict[str, type[Entry]] = {}
USES: dict[str, Use] = {}


def listed(name: str, use: Use) -> Callable[[type[Entry]], type[Entry]]:
    """Register a list under its name in the API, with what names its entries."""

    def register(cls: type[Entry]) -> type[Entry]:
        LISTS[name], USES[name] = cls, use
        return cls

    return register


@listed("account-statuses", Use("account_status", scores=True))
class AccountStatus(Entry):
    """Credit standing; assigning it to a customer stops deliveries or invoices as it says (spec 1.3)."""

    hold_effect: Literal["none", "invoice", "all"] = Field(
        "none", description="invoice: no packing slip and no invoice; all: no document at all"
    )


@listed("status-reasons", Use("status_reason"))
class StatusReason(Entry):
    """Why a customer has an account status (spec 1.4)."""


@listed("credit-management-groups", Use("credit_management_group", scores=True))
class CreditManagementGroup(Entry):
    """Aims rules at customers and scores them; not a shared limit (spec 1.2)."""


@listed("policy-types", Use("type", of_policies=True))
class PolicyType(Entry):
    """A type of insurance or guarantee (spec 1.8)."""


@listed("coverage-types", Use("coverage_type", of_policies=True))
class CoverageType(Entry):
    """What an insurance covers (spec 1.8)."""


@listed("collection-groups", Use("collection_group"))
class CollectionGroup(Entry):
    """Classification for collections staff (spec 1.1)."""
