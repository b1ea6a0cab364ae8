"""Events of `erp.customers.v1`: customer master data, always the full state."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from holdfast.contracts.base import (
    BusinessDate,
    Code,
    Country,
    Currency,
    CustomerPayload,
    Id,
    Part,
    Positive,
    Text,
    Version,
    event,
)  # fmt: skip
from holdfast.contracts.topics import ERP_CUSTOMERS


class Contact(Part):
    """A person or mailbox at the customer, with what it may be written to for."""

    name: Text
    purposes: tuple[Literal["invoice", "reminder", "statement", "collections", "order", "other"], ...] = ()
    email: Text | None = None
    phone: Text | None = None
    language: Code | None = Field(None, description="BCP 47 language tag, the customer's when absent")


class Address(Part):
    """A postal address with its purpose; the one marked primary gives the customer's country."""

    purpose: Literal["business", "invoice", "delivery", "other"] = "business"
    lines: tuple[Text, ...] = ()
    postal_code: Text | None = None
    city: Text | None = None
    state: Text | None = None
    country: Country | None = Field(None, description="ISO 3166-1 alpha-2")
    primary: bool = False


@event(
    "erp.customer.changed.v1",
    ERP_CUSTOMERS,
    example={
        "company": "DE01", "customer": "C-1001", "version": 3, "name": "Muster GmbH", "currency": "EUR",
        "language": "de", "payment_terms": "N30", "cash_discount": "2D10", "customer_group": "DOM",
        "contacts": [{"name": "Erika Muster", "purposes": ["invoice", "reminder"],
                      "email": "ap@muster.example"}],
        "addresses": [{"purpose": "invoice", "lines": ["Hauptstr. 1"], "postal_code": "10115",
                       "city": "Berlin", "country": "DE", "primary": True}],
        "customer_since": "2019-05-01",
    },
)  # fmt: skip
class CustomerChanged(CustomerPayload):
    """A customer was created or changed; carries its full state.

    `customer` is the account itself. An account billed through another names that one in `invoice_account`;
    its orders and documents then arrive keyed by the invoice account.
    """

    version: Version
    name: Text
    invoice_account: Id | None = Field(None, description="bill-to account when it is another customer")
    currency: Currency = Field(description="currency the customer is usually invoiced in")
    language: Code | None = Field(None, description="BCP 47 language tag for letters")
    payment_terms: Code | None = Field(None, description="default terms of payment")
    cash_discount: Code | None = Field(None, description="default cash discount")
    customer_group: Code | None = None
    statistics_group: Code | None = None
    sales_responsible: Id | None = None
    collections_contact: Id | None = None
    vat_number: Text | None = None
    identification: Text | None = Field(None, description="government identification number")
    customer_since: BusinessDate | None = None
    business_started: BusinessDate | None = None
    contacts: tuple[Contact, ...] = ()
    addresses: tuple[Address, ...] = ()
    credit_limit: Positive | None = Field(
        None, description="limit kept in the ERP, in company currency; for information, never used in a check"
    )
    blocked: bool = Field(False, description="the ERP has stopped this customer; for information")


__all__ = ["Address", "Contact", "CustomerChanged"]
