"""Sets the services up through their APIs, as credit controllers would: rules, checkpoints, profiles, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import Checkpoint
from holdfast.contracts.erp_reference import CompanyChanged
from holdfast.erp.api import Api
from holdfast.erp.generator.parties import EXCLUDED_GROUP
from holdfast.erp.portfolio import PROPOSED, SEASON, classify, form_groups, insure, lend_for_the_season, propose, score

RULES = {"credit_limit_used": "100", "days_overdue": "25"}
"""Blocking rules for all customers: percent of the limit, days the oldest open invoice is past its due date."""
CHECKED = (Checkpoint.CONFIRMATION, Checkpoint.PACKING_SLIP, Checkpoint.INVOICE)
PARAMETERS = {"allow_manual_limit_edit": True, "check_customer_credit_groups": True}
"""The ERP's limits come in through the profile, which a company must allow (spec 1.20); shared limits are tested."""

REASONS = {
    "release/PAID": "has paid or shown the payment", "release/GOODWILL": "may order although something is open",
    "release/REJECTED": "the order is refused", "release/CANCELLED": "the customer has cancelled the order",
    "release/FITS": "no reason to hold it is left", "hold/FRAUD": "suspicion of fraud",
    "hold/INQUIRY": "waits for information from the customer",
}  # fmt: skip
"""A hold ends with a release reason of the order's company, also when it is rejected; a forced hold has one of type
hold (spec 1.4)."""
ENDINGS = {"cancel_reason": "CANCELLED", "modified_order_release_reason": "FITS", "auto_release_reason": "FITS"}
"""What holds end with by themselves (spec 1.20)."""


class Controllers:
    """Set up what the ERP tells of: rules, reasons, checkpoints, risk classes, and each customer's credit."""

    def __init__(self, credit: Api, hold: Api) -> None:
        self._credit, self._hold = credit, hold
        self._currencies: dict[str, str] = {}
        self._known: set[tuple[str, str]] = set()
        self._managed: list[CustomerChanged] = []

    async def companies(self, companies: Sequence[CompanyChanged]) -> None:
        """Switch the checkpoints of a company on and make its rules, reasons and risk classes, unless it has some."""
        self._currencies |= {master.company: master.currency for master in companies}
        for company in sorted({master.company for master in companies}):
            known = await self._hold.get(f"/v1/rules?company={company}")
            if known.body["items"]:
                continue
            for kind, value in RULES.items():
                await self._hold.send("POST", "/v1/rules", {"company": company, "kind": kind, "value": value})
            for reason, description in REASONS.items():
                await self._hold.put(f"/v1/reasons/{company}/{reason}", {"description": description})
            await self._hold.put(f"/v1/parameters/{company}", ENDINGS)
            for document in CHECKED:
                await self._hold.put(f"/v1/checkpoints/{company}/{document}", {"check_on_posting": True})
            await self._credit.put(f"/v1/credit-parameters/{company}", PARAMETERS)
            await score(self._credit, company)

    async def customers(self, customers: Sequence[CustomerChanged]) -> None:
        """Open or change the profiles of customers, with the limit of the ERP's master data.

        Without a limit there a customer is unlimited; public bodies are left out of credit management. Some of those
        that are new are insured, and some share a limit with one of another company.
        """
        for master in customers:
            path = f"/v1/credit-profiles/{master.company}/{master.customer}"
            await self._credit.put(path, _profile(master, self._currencies[master.company]))
        new = [m for m in customers if (m.company, m.customer) not in self._known]
        self._known |= {(m.company, m.customer) for m in new}
        managed = [m for m in new if m.credit_limit is not None and m.customer_group != EXCLUDED_GROUP]
        self._managed += managed
        await insure(self._credit, managed, self._currencies)
        await form_groups(self._credit, managed, self._currencies)

    async def review(self, day: date) -> None:
        """The review of a new month: what customers do is measured, and they are classified by risk.

        That of one month lends for the season, that of another proposes higher limits, which wait for approval.
        """
        for company, currency in sorted(self._currencies.items()):
            await classify(self._credit, company, day)
            if day.month == SEASON:
                await lend_for_the_season(self._credit, company, self._managed, currency, day)
            if day.month == PROPOSED:
                await propose(self._credit, company, day)


def _profile(master: CustomerChanged, currency: str) -> dict[str, Any]:
    limit = master.credit_limit
    return {
        "credit_limit": {"amount": "0" if limit is None else f"{limit:f}", "currency": currency},
        "unlimited_credit": limit is None,
        "exclude_from_credit_management": master.customer_group == EXCLUDED_GROUP,
    }
