"""What rules look at: plain figures of one check, kept with the decision so that it can be told and tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from holdfast.receivables.limits import Comparison, Level, LimitTest
from holdfast.receivables.money import ZERO, rounded
from holdfast.receivables.rates import Rate
from holdfast.values import quick


class MissingRate(Exception):
    """No rate converts a currency into company currency on the check date."""

    def __init__(self, currency: str) -> None:
        super().__init__(currency)
        self.currency = currency


@quick
@dataclass(frozen=True, slots=True)
class Facts:
    """Figures of a customer and its order on the check date; amounts in the company's `currency`.

    `tests`: the limits that govern, the group's first and in the group's currency; none when no limit is tested.
    `owed`: the customer's balance, None in decisions of before it was kept; `this_order`: what the order adds to the
    exposure. `linked_days_overdue`: of other members of the credit group, by company/customer. The `*_base_rank` are
    what ranks of the order are compared with: at the last release, else the customer's defaults.
    """

    check_date: date
    checkpoint: str
    customer: str
    currency: str
    tests: tuple[LimitTest, ...] = ()
    comparison: Comparison = Comparison.STRICT
    check_limit: bool = True
    days_overdue: int = 0
    overdue_amount: Decimal = ZERO
    linked_days_overdue: Mapping[str, int] = field(default_factory=dict)
    open_debits: Decimal = ZERO
    disputed_amount: Decimal = ZERO
    order_total: Decimal = ZERO
    owed: Decimal | None = None
    this_order: Decimal = ZERO
    payment_term: str | None = None
    cash_discount: str | None = None
    cod_payment_term: str | None = None
    term_rank: int | None = None
    term_base_rank: int | None = None
    term_base: str | None = None
    discount_rank: int | None = None
    discount_base_rank: int | None = None
    discount_base: str | None = None
    check_terms: bool = False
    check_discounts: bool = False
    account_status: str | None = None
    credit_management_group: str | None = None
    risk_group: str | None = None
    expiry_date: date | None = None
    ignore_blank_expiry: bool = True
    next_review_date: date | None = None
    average_days_late: Decimal | None = None
    dunning_level: int = 0
    broken_promises: int = 0
    rates: Mapping[str, Rate] = field(default_factory=dict)

    def in_company(self, value: Decimal, currency: str | None) -> Decimal:
        """An amount of a rule in company currency. Raises MissingRate."""
        if currency in (None, self.currency):
            return value
        rate = self.rates.get(currency or "")
        if rate is None:
            raise MissingRate(currency or "")
        return rounded(rate.convert(value), self.currency)

    def test(self, level: Level) -> LimitTest | None:
        """The test of a level, if there is one."""
        return next((test for test in self.tests if test.level is level), None)

    @property
    def days_expired(self) -> int | None:
        """Days since the limit expired, negative before; None when it does not expire."""
        if self.expiry_date is None:
            return None
        return (self.check_date - self.expiry_date).days

    @property
    def days_after_review(self) -> int | None:
        """Days since the review date; None without one."""
        return None if self.next_review_date is None else (self.check_date - self.next_review_date).days

    @property
    def overdue_percent(self) -> Decimal:
        """Share of the open debits that is overdue, percent."""
        return 100 * self.overdue_amount / self.open_debits if self.open_debits > 0 else ZERO

    @property
    def disputed_percent(self) -> Decimal:
        """Share of the open debits that is disputed, percent."""
        return 100 * self.disputed_amount / self.open_debits if self.open_debits > 0 else ZERO
