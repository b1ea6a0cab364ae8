"""What happened in a replay, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from holdfast.bus.port import Transport
from holdfast.contracts.holds import OrderReleased
from holdfast.contracts.topics import HOLDS
from holdfast.erp.answers import Answers, read_topic
from holdfast.erp.api import Api
from holdfast.erp.memory import Played
from holdfast.erp.nearest import NearLimit, nearest_to_limit
from holdfast.erp.tie_out import Total, tie_out
from holdfast.erp.told import Credit, Explanation, credit_of, explain

SHOWN_RELEASES = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a replay; `totals` by service."""

    played: Played
    answers: Answers
    nearest: Sequence[NearLimit]
    totals: Mapping[str, Sequence[Total]]
    credit: Credit
    explanation: Explanation | None

    @property
    def ties_out(self) -> bool:
        """Whether every service knows exactly what the ERP's control totals say."""
        return all(not total.different for totals in self.totals.values() for total in totals)

    @property
    def every_request_answered(self) -> bool:
        """Whether each request has its decision."""
        return self.answers.checked == self.played.requests

    def lines(self) -> Iterator[str]:
        """The text."""
        yield ""
        yield from self._taken_in()
        yield from self._decisions()
        if self.explanation is not None:
            yield from self.explanation.lines()
        yield from self._releases()
        yield from self.credit.lines()
        yield from self._near()
        yield from self._control()

    def _taken_in(self) -> Iterator[str]:
        p = self.played
        rate = p.events / p.seconds if p.seconds else 0
        yield f"{p.first_day} to {p.last_day}: {p.events:,} events in {p.seconds:.1f} s ({rate:,.0f} a second)"

    def _decisions(self) -> Iterator[str]:
        a = self.answers
        yield (
            f"Checked: {len(a.orders):,} orders in {a.checked:,} requests: {a.cleared:,} cleared, "
            f"{a.held_answers:,} held"
        )
        if a.not_checked:
            yield f"  {a.not_checked:,} of the cleared were excluded from credit management"
        yield f"Holds: {len(a.holds):,}, by reason:"
        for reason, count in sorted(a.by_reason.items(), key=lambda item: (-item[1], item[0])):
            yield f"  {count:>6,}  {reason}"
        if a.by_group:
            yield f"  {a.by_group:,} of them because of the limit that a credit group shares"

    def _releases(self) -> Iterator[str]:
        a = self.answers
        automatic = [r for r in a.released.values() if r.automatic]
        yield (
            f"Released: {len(automatic):,} by themselves, {len(a.released) - len(automatic):,} by a person; "
            f"cancelled: {len(a.cancelled):,}; still held: {a.still_held:,}"
        )
        for release in sorted(automatic, key=_latest_first)[:SHOWN_RELEASES]:
            since = a.holds[release.company, release.hold].check_date
            yield (
                f"  {release.company} {release.order} of {release.customer}: held {since}, released "
                f"{release.check_date} after {_triggers(release)}"
            )

    def _near(self) -> Iterator[str]:
        yield "Nearest to their limit:"
        for near in self.nearest:
            yield (
                f"  {near.company} {near.customer:<8} {near.used_percent:>8}% of {near.limit:>14,} {near.currency}"
                f"  available {near.available:>14,}"
            )

    def _control(self) -> Iterator[str]:
        yield "Control totals of the ERP against what each service knows:"
        for service, totals in self.totals.items():
            for t in totals:
                verdict = "ties out" if not t.different else f"DIFFERS for {t.different} customers"
                yield (
                    f"  {service:<15} {t.company} {t.currency} {t.reported:>18,} {t.known:>18,}  "
                    f"{t.customers:>3} customers  {verdict}"
                )
        if not any(self.totals.values()):
            yield "  the ERP reported none"
        if not self.ties_out:
            yield "THE TOTALS DO NOT TIE OUT: an event was lost, counted twice or misread."
        if not self.every_request_answered:
            yield f"NOT EVERY REQUEST WAS ANSWERED: {self.answers.checked:,} of {self.played.requests:,}."


def _latest_first(release: OrderReleased) -> tuple[int, str, str]:
    return -release.check_date.toordinal(), release.company, release.order


def _triggers(release: OrderReleased) -> str:
    return ", ".join(release.triggers[:3]) or "a change of the facts"


async def summarise(
    played: Played, transport: Transport, pools: Mapping[str, asyncpg.Pool], apis: Mapping[str, Api]
) -> Summary:
    """Put the summary together from the topics, the databases and the APIs."""
    answers = Answers()
    for event in await read_topic(transport, HOLDS):
        answers.add(event.payload)
    totals = {service: await tie_out(pool) for service, pool in pools.items()}
    credit, hold = apis["credit-service"], apis["hold-service"]
    companies = sorted({total.company for known in totals.values() for total in known})
    return Summary(
        played, answers, await nearest_to_limit(credit), totals, await credit_of(credit, companies),
        await explain(hold, answers),
    )  # fmt: skip
