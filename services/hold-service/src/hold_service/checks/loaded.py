"""All that is known for a batch of checks, as plain values that move on while the batch is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from hold_service.checks.kept import Basis, Kept, Row, kept_of
from hold_service.checks.known import (
    Admission,
    CreditGroup,
    Known,
    Members,
    OrderTerms,
    Profile,
    Release,
    Standing,
)  # fmt: skip
from hold_service.holds.model import WAITING
from hold_service.setups.model import Setup, Stamps
from holdfast.contracts.erp_orders import CheckpointRequested
from holdfast.receivables.limits import Policy, Temporary
from holdfast.receivables.model import Party, Position, Reservation

OrderKey = tuple[str, str]
"""company, order"""
DocumentKey = tuple[str, str, str]
"""company, order, checkpoint"""
AttemptKey = tuple[str, str, str, str]
"""company, order, checkpoint, attempt"""


Values = Sequence[Any]
NOTHING_SET_UP, NOTHING_SAID = Setup(), Standing()


@dataclass(slots=True)
class ActiveHold:
    """An order's active hold; `id` is None until it has been written. `was_attempted`: a document waits for it, which
    is not so where a person has forced it. `is_asked_for`: its release or rejection waits for approval, or has it."""

    id: int | None
    customer: str
    checkpoint: str
    order_version: int
    proforma: bool = False
    was_attempted: bool = True
    is_forced: bool = False
    reasons: dict[str, str] = field(default_factory=dict)
    previous: int | None = None
    is_asked_for: bool = False

    @property
    def number(self) -> str:
        """Its number, once it has been written."""
        return hold_number(self.id or 0)


@dataclass(slots=True)
class Loaded:
    """What is known for a batch; positions, holds and admissions move on as the batch is decided."""

    positions: dict[Party, Position]
    setups: dict[str, Setup]
    profiles: dict[Party, Profile]
    standings: dict[Party, Standing]
    groups: dict[Party, tuple[CreditGroup, Members]]
    parked: set[Party]
    facts_age: float | None
    rate_stamp: str
    dates: Mapping[str, str] = field(default_factory=dict)
    """Business dates of the companies"""
    terms: dict[OrderKey, OrderTerms] = field(default_factory=dict)
    holds: dict[OrderKey, ActiveHold] = field(default_factory=dict)
    admissions: dict[DocumentKey, list[Admission]] = field(default_factory=dict)
    releases: dict[OrderKey, Release] = field(default_factory=dict)
    earlier: dict[AttemptKey, str] = field(default_factory=dict)
    """Answers as JSON"""
    answered: Sequence[Values] = ()
    """What is known of the idempotency keys"""

    def known(self, party: Party, checkpoint: str, order: str, most_facts_age: float | None) -> Known:
        """What is known for one check."""
        company = party[0]
        group, members = self.groups.get(party, (None, None))
        return Known(
            position=self.positions[party],
            setup=self.setups.get(company, NOTHING_SET_UP),
            checkpoint=checkpoint,
            profile=self.profiles.get(party),
            standing=self.standings.get(party, NOTHING_SAID),
            group=group,
            members=members,
            terms=self.terms.get((company, order)),
            parked=party in self.parked,
            facts_age=self.facts_age,
            most_facts_age=most_facts_age,
            admissions=tuple(self.admissions.get((company, order, checkpoint), ())),
            release=self.releases.get((company, order)),
        )

    def companies_beside(self, party: Party) -> set[str]:
        """The companies whose set-ups count for a customer: its own, and those of the members of its group."""
        others = self.groups[party][1].parties if party in self.groups else ()
        return {party[0], *(company for company, _ in others)}

    def is_outdated(self, party: Party, now: Stamps) -> bool:
        """Whether something that a customer's checks depend on has been changed since it was read."""
        known = {c: self.setups[c].stamp if c in self.setups else None for c in self.companies_beside(party)}
        return now.rates != self.rate_stamp or any(now.setups[c] != stamp for c, stamp in known.items())

    def move(self, party: Party, order: str, status: str, reservation: Reservation) -> None:
        """The next check meets the figures after this decision."""
        self.positions[party] = self.positions[party].after(order, status, reservation)
        if party in self.groups:
            self.groups[party][1].settled.pop(party, None)

    def kept_groups(self) -> dict[str, Kept]:
        """What members of the groups use from now on; everything that was decided has been moved."""
        groups = {group.id: members for group, members in self.groups.values()}
        return {name: kept_of(members, self._basis(members)) for name, members in groups.items()}

    def _basis(self, members: Members) -> Basis:
        stamps = {c: self.setups[c].stamp if c in self.setups else None for c in members.setups}
        return Basis(self.rate_stamp, stamps, {company: self.dates[company] for company in members.setups})


def attempt_of(request: CheckpointRequested) -> AttemptKey:
    """What makes a check the same check."""
    return request.company, request.order, request.checkpoint.value, request.attempt


def hold_number(hold_id: int) -> str:
    """The number of a hold as people see it."""
    return f"H-{hold_id:06d}"


def loaded_of(row: Row, setups: Mapping[str, Setup], kept: Mapping[str, Kept], asked: Collection[Party]) -> Loaded:
    """What the one statement of a batch has read, with what is kept of groups; the positions of customers who are
    `asked` about, and of members that are not kept, are added by the caller."""
    positions = {p: position for group in kept.values() for p, position in group.positions.items() if p not in asked}
    age = row["facts_age"]
    return Loaded(
        positions=positions,
        setups=dict(setups),
        profiles={(p[0], p[1]): _profile(p) for p in row["profiles"] or ()},
        standings={(s[0], s[1]): _standing(s) for s in row["standings"] or ()},
        groups=_groups(row, setups, positions, kept, asked),
        parked={_party(name) for name in row["parked"] or ()},
        facts_age=None if age is None else max(0.0, round(float(age), 3)),
        rate_stamp=row["rate_stamp"],
        dates=row["dates"],
        terms={(t[0], t[1]): OrderTerms(*t[2:]) for t in row["terms"] or ()},
        holds={(h[0], h[1]): _hold(h) for h in row["holds"] or ()},
        admissions=_admissions(row["admissions"] or ()),
        releases={(r[0], r[1]): _release(r) for r in row["releases"] or ()},
        earlier={(d[0], d[1], d[2], d[3]): d[4] for d in row["earlier"] or ()},
        answered=row["answered"] or (),
    )


def _admissions(found: Sequence[Values]) -> dict[DocumentKey, list[Admission]]:
    admissions: dict[DocumentKey, list[Admission]] = {}
    for a in found:
        admission = Admission(a[3], Decimal(a[4]), a[5], a[6], _date(a[7]))
        admissions.setdefault((a[0], a[1], a[2]), []).append(admission)
    return admissions


def _hold(h: Values) -> ActiveHold:
    return ActiveHold(h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9] or {}, h[10], h[11] in WAITING or h[12])


def _party(name: str) -> Party:
    company, _, customer = name.partition("/")
    return company, customer


def _profile(p: Values) -> Profile:
    return Profile(
        version=p[2], currency=p[3], limit=Decimal(p[4]), mandatory=p[5], unlimited=p[6], excluded=p[7],
        expiry_date=_date(p[8]), temporary=_temporary(p[9]), policies=[_policy(policy) for policy in p[10]],
        account_status=p[11], hold_effect=p[12], credit_management_group=p[13], risk_group=p[14],
        ignore_until_date=_date(p[15]), next_review_date=_date(p[16]),
        average_days_late=None if p[17] is None else Decimal(p[17]),
    )  # fmt: skip


def _temporary(limits: Sequence[Row]) -> list[Temporary]:
    return [
        Temporary(t["id"], Decimal(t["amount"]), date.fromisoformat(t["from_date"]), date.fromisoformat(t["to_date"]))
        for t in limits
    ]


def _policy(p: Row) -> Policy:
    return Policy(
        p["id"], p["kind"], Decimal(p["value"]), p["currency"], Decimal(p["update_credit_limit_pct"]),
        p["included_in_exposure"], date.fromisoformat(p["effective_from"]), date.fromisoformat(p["expires_on"]),
    )  # fmt: skip


def _standing(s: Values) -> Standing:
    disputed = {code: Decimal(amount) for code, amount in (s[9] or {}).items()}
    return Standing(s[2] or 0, s[3] or 0, s[4] or "no", s[5] or "", s[6], s[7], disputed, s[8], bool(s[10]))


def _groups(
    row: Row,
    setups: Mapping[str, Setup],
    positions: Mapping[Party, Position],
    kept: Mapping[str, Kept],
    asked: Collection[Party],
) -> dict[Party, tuple[CreditGroup, Members]]:
    read: dict[str, list[Party]] = {}
    for group, company, customer in row["members"] or ():
        read.setdefault(group, []).append((company, customer))
    memberships = row["memberships"] or ()
    known = {
        name: (
            CreditGroup(name, g[3], Decimal(g[4]), g[5], _temporary(g[6])),
            _as_kept(kept[name], setups, positions, asked)
            if name in kept
            else _as_read(sorted(read.get(name, ())), setups, positions),
        )
        for name, g in {m[2]: m for m in memberships}.items()
    }
    return {(m[0], m[1]): known[m[2]] for m in memberships}


def _as_read(parties: Sequence[Party], setups: Mapping[str, Setup], positions: Mapping[Party, Position]) -> Members:
    companies = {company for company, _ in parties}
    return Members(positions, {c: setups.get(c, NOTHING_SET_UP) for c in companies}, parties)


def _as_kept(
    group: Kept, setups: Mapping[str, Setup], positions: Mapping[Party, Position], asked: Collection[Party]
) -> Members:
    settled = {party: share for party, share in group.settled.items() if party not in asked}
    return Members(positions, {c: setups.get(c, NOTHING_SET_UP) for c in group.companies}, group.parties, settled)


def _release(r: Values) -> Release:
    return Release(date.fromisoformat(r[2]), _date(r[3]), r[4], Decimal(r[5]), r[6], r[7], r[8], r[9], _date(r[10]))


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
