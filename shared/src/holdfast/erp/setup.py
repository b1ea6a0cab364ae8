"""Sets the services up through their APIs, as credit controllers would: rules, checkpoints, credit profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.erp.api import Api
from holdfast.erp.generator.parties import EXCLUDED_GROUP

RULES = {"credit_limit_used": "100", "days_overdue": "25"}
"""Blocking rules for all customers: percent of the limit, days the oldest open invoice is past its due date."""
CHECKED = (Checkpoint.CONFIRMATION, Checkpoint.PACKING_SLIP, Checkpoint.INVOICE)


class Controllers:
    """Set up what the ERP tells of: rules and checkpoints per company, a profile per customer."""

    def __init__(self, credit: Api, hold: Api) -> None:
        self._credit, self._hold = credit, hold
        self._currencies: dict[str, str] = {}

    async def companies(self, companies: Sequence[CompanyChanged]) -> None:
        """Switch the checkpoints of a company on and make its rules, unless it has some.

        The ERP's limits come in through the profile, which a company must allow (spec 1.20).
        """
        self._currencies |= {master.company: master.currency for master in companies}
        for company in sorted({master.company for master in companies}):
            known = await self._hold.get(f"/v1/rules?company={company}")
            if known.body["items"]:
                continue
            for kind, value in RULES.items():
                await self._hold.send("POST", "/v1/rules", {"company": company, "kind": kind, "value": value})
            for document in CHECKED:
                path = f"/v1/checkpoints/{company}/{document}"
                await _put(self._hold, path, {"check_on_posting": True})
            await _put(self._credit, f"/v1/credit-parameters/{company}", {"allow_manual_limit_edit": True})

    async def customers(self, customers: Sequence[CustomerChanged]) -> None:
        """Open or change the profiles of customers, with the limit of the ERP's master data.

        Without a limit there a customer is unlimited; public bodies are left out of credit management.
        """
        for master in customers:
            path = f"/v1/credit-profiles/{master.company}/{master.customer}"
            await _put(self._credit, path, _profile(master, self._currencies[master.company]))


def _profile(master: CustomerChanged, currency: str) -> dict[str, Any]:
    limit = master.credit_limit
    return {
        "credit_limit": {"amount": "0" if limit is None else f"{limit:f}", "currency": currency},
        "unlimited_credit": limit is None,
        "exclude_from_credit_management": master.customer_group == EXCLUDED_GROUP,
    }


async def _put(api: Api, path: str, body: Any) -> None:
    known = await api.get(path)
    await api.send("PUT", path, body, known.etag)
