"""Every fact of the ERP and the function that keeps it: a service registers them all in one loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from holdfast.bus.envelope import Incoming
from holdfast.contracts import erp_customers, erp_orders, erp_receivables, erp_reference
from holdfast.contracts.base import Payload
from holdfast.database.work import Work
from holdfast.receivables import documents, master, orders, settlements

Handle = Callable[[Work, Sequence[Incoming[Any]]], Awaitable[None]]

FACT_HANDLERS: dict[type[Payload], Handle] = {
    erp_reference.CompanyChanged: master.apply_companies,
    erp_reference.CompanyWentLive: master.apply_live,
    erp_reference.PaymentTermsChanged: master.apply_terms,
    erp_reference.ExchangeRatePublished: master.apply_rates,
    erp_customers.CustomerChanged: master.apply_customers,
    erp_receivables.BalanceReported: master.apply_reported_balances,
    erp_receivables.InvoicePosted: documents.apply_invoices,
    erp_receivables.CreditNotePosted: documents.apply_credit_notes,
    erp_receivables.DocumentCancelled: documents.apply_cancellations,
    erp_receivables.DocumentDisputed: documents.apply_disputes,
    erp_receivables.DocumentPutOnHold: documents.apply_document_holds,
    erp_receivables.PaymentPosted: settlements.apply_payments,
    erp_receivables.PaymentReturned: documents.apply_returns,
    erp_receivables.SettlementPosted: settlements.apply_settlements,
    erp_receivables.SettlementReversed: settlements.apply_reversals,
    erp_orders.OrderChanged: orders.apply_orders,
    erp_orders.OrderCancelled: orders.apply_order_cancellations,
    erp_orders.DeliveryPosted: orders.apply_deliveries,
}
