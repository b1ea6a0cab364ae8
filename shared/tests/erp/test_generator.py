"""The simulated year: the same for the same seed, like real customers, and in balance with itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from statistics import quantiles

import pytest

from holdfast.contracts.erp_customers import CustomerChanged
from holdfast.contracts.erp_orders import CheckpointRequested, DeliveryPosted, OrderChanged
from holdfast.contracts.erp_receivables import BalanceReported, InvoicePosted, PaymentPosted
from holdfast.erp.generator import Plan, generate
from holdfast.erp.happenings import BadFile, Day, read_days, write_lines
from holdfast.receivables.reference import Ledger

SMALL = Plan(seed=3, events=2_500, days=150)


@cache
def small() -> Sequence[Day]:
    return tuple(generate(SMALL))


@cache
def year() -> Sequence[Day]:
    return tuple(generate(Plan()))


def lines(days: Sequence[Day]) -> list[bytes]:
    return list(write_lines(days))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert lines(small()) == lines(tuple(generate(SMALL)))


def test_another_seed_gives_another_year() -> None:
    other = tuple(generate(Plan(seed=4, events=SMALL.events, days=SMALL.days)))
    assert lines(small()) != lines(other)


def test_a_file_is_read_back_as_it_was_written() -> None:
    written = lines(small())
    assert lines(tuple(read_days(written))) == written


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "line 1 is not an event"),
        (b'{"id": "1"}', "'simulatedday' is missing"),
        (b'{"simulatedday": "2025-01-01", "time": "2025-01-01T00:00:00Z", "type": "erp.nothing.v1"}', "erp.nothing.v1"),
        (b'{"simulatedday": "2025-13-01"}', "line 1 is not an event"),
    ],
)
def test_a_bad_line_is_named(line: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        list(read_days([line]))


def test_days_out_of_order_are_refused() -> None:
    written = lines(small())
    with pytest.raises(BadFile, match="sort the lines"):
        list(read_days([written[-1], written[0]]))


def test_the_year_has_about_as_many_events_as_asked_for() -> None:
    assert sum(len(day.facts) + len(day.requests) for day in year()) == pytest.approx(25_000, rel=0.08)


def test_the_year_has_everything_in_it() -> None:
    kinds = Counter(h.payload.event_type for day in year() for h in (*day.facts, *day.requests))
    assert len(kinds) == 19
    assert min(kinds.values()) >= 4
    checkpoints = {
        h.payload.checkpoint for day in year() for h in day.requests if isinstance(h.payload, CheckpointRequested)
    }
    assert {str(point) for point in checkpoints} == {"confirmation", "packing_slip", "invoice"}


def test_some_events_come_late_and_some_twice() -> None:
    arrivals = [(day.date, h) for day in year() for h in day.facts]
    late = sum(on > h.time.date() for on, h in arrivals)
    ids = Counter((h.source, h.id) for _, h in arrivals)
    assert 0.01 < late / len(arrivals) < 0.06
    assert 0.005 < sum(count > 1 for count in ids.values()) / len(arrivals) < 0.04


def days_late() -> dict[tuple[str, str], list[int]]:
    """Days between due date and first payment, by customer, of invoices that had the time to be paid."""
    until = Plan().end - timedelta(days=45)
    due: dict[tuple[str, str], tuple[str, date]] = {}
    paid: dict[tuple[str, str], date] = {}
    for payload in (h.payload for day in year() for h in day.facts):
        if isinstance(payload, InvoicePosted) and payload.due_date <= until:
            due[payload.company, payload.document] = payload.customer, payload.due_date
        if isinstance(payload, PaymentPosted):
            for part in payload.applications:
                paid.setdefault((payload.company, part.document), payload.document_date)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for key in due.keys() & paid.keys():
        customer, on = due[key]
        found[key[0], customer].append((paid[key] - on).days)
    return found


def test_customers_pay_the_way_real_ones_do() -> None:
    each = [days for customer in days_late().values() for days in customer]
    late = [days for days in each if days > 0]
    assert len(late) / len(each) == pytest.approx(0.356, abs=0.05)
    assert quantiles(late, n=4) == pytest.approx([4, 8, 14], abs=1.5)
    assert quantiles(late, n=10)[8] == pytest.approx(20, abs=4)
    assert max(late) <= 45


def test_customers_differ_in_how_they_pay() -> None:
    shares = [sum(days > 0 for days in each) / len(each) for each in days_late().values() if len(each) >= 5]
    assert sum(share == 0 for share in shares) / len(shares) == pytest.approx(0.17, abs=0.08)
    assert sum(share > 0.8 for share in shares) / len(shares) == pytest.approx(0.19, abs=0.08)


def test_customers_differ_in_their_limits() -> None:
    masters = [h.payload for h in year()[0].facts if isinstance(h.payload, CustomerChanged)]
    assert 0 < sum(master.credit_limit is None for master in masters) < len(masters) / 10
    assert 0 < sum(master.customer_group == "PUBLIC" for master in masters) < len(masters) / 10


def test_an_order_is_never_worth_less_than_nothing_and_states_only_grow() -> None:
    versions: dict[tuple[str, str], set[int]] = defaultdict(set)
    for payload in (h.payload for day in small() for h in day.facts):
        if isinstance(payload, OrderChanged):
            assert payload.total > 0
            versions[payload.company, payload.order].add(payload.version)
    assert any(len(found) > 1 for found in versions.values())


def test_the_control_totals_are_those_of_the_reference() -> None:
    """The generator's plain ledger and the kernel's reference, fed with what arrived, agree on every customer."""
    ledger, reports = Ledger(), {}
    for payload in (h.payload for day in small() for h in day.facts):
        ledger.apply(payload)
        if isinstance(payload, BalanceReported):
            reports[payload.company, payload.customer] = payload
    assert len(reports) >= SMALL.customers - 2
    for (company, customer), report in reports.items():
        assert report.as_of == SMALL.end
        reported = {total.currency: total.balance for total in report.totals if total.open_debits + total.open_credits}
        assert ledger.balances(company, customer) == reported


def test_what_is_delivered_and_invoiced_of_an_order_is_what_was_ordered() -> None:
    """Of orders that were delivered completely; parts are rounded so that they add up."""
    total: dict[tuple[str, str], Decimal] = {}
    delivered: Counter[tuple[str, str]] = Counter()
    invoices: dict[tuple[str, str], InvoicePosted] = {}
    slips: dict[tuple[str, str], DeliveryPosted] = {}
    for payload in (h.payload for day in small() for h in day.facts):
        if isinstance(payload, OrderChanged):
            total[payload.company, payload.order] = payload.total
        if isinstance(payload, DeliveryPosted):
            slips[payload.company, payload.delivery] = payload
        if isinstance(payload, InvoicePosted) and payload.order:
            assert payload.amount == sum(line.net_amount + line.tax_amount for line in payload.lines)
            invoices[payload.company, payload.document] = payload
    parts = Counter((slip.company, slip.order) for slip in slips.values())
    for slip in slips.values():
        delivered[slip.company, slip.order] += slip.amount  # type: ignore[assignment]
    complete = [key for key, count in parts.items() if count == 2]
    assert complete
    assert all(delivered[key] == total[key] for key in complete)
