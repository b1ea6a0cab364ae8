"""The states of an approval and who may decide on it (spec 1.17, 3.13). Plain values; no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class State(StrEnum):
    """Where a request stands (spec 1.17)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVAL_PENDING = "approval_pending"
    APPROVAL_DENIED = "approval_denied"
    APPROVED = "approved"
    CHANGE_REQUESTED = "change_requested"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


OPEN = frozenset({State.SUBMITTED, State.APPROVAL_PENDING, State.CHANGE_REQUESTED})
SENT_BACK = frozenset({State.APPROVAL_DENIED, State.CHANGE_REQUESTED, State.CANCELLED})


class NotAllowed(Exception):
    """The act is not possible in this state, or not for this person; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a workflow. It applies when the resulting amount (limit or exposure, in company currency) is at
    least `from_amount` and below `to_amount`.

    `users` are named approvers, `permission` makes anyone who has it one; `needed` of them must approve.
    After `escalate_after_days` without a decision the users in `escalate_to` may decide too.
    """

    name: str
    users: tuple[str, ...] = ()
    permission: str | None = None
    needed: int = 1
    from_amount: Decimal | None = None
    to_amount: Decimal | None = None
    escalate_after_days: int | None = None
    escalate_to: tuple[str, ...] = ()

    def applies(self, amount: Decimal | None) -> bool:
        """Whether an amount falls into the step's band; one that is not known may fall into any."""
        if amount is None:
            return True
        above = self.from_amount is None or amount >= self.from_amount
        return above and (self.to_amount is None or amount < self.to_amount)


@dataclass(frozen=True, slots=True)
class Delegation:
    """From `from_date` to `to_date`, both included, `to_user` may decide for `from_user`."""

    from_user: str
    to_user: str
    from_date: date
    to_date: date

    def covers(self, on: date) -> bool:
        """Whether it counts on a date."""
        return self.from_date <= on <= self.to_date


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval: its steps are those that apply to its amount, `at` the one that is waited for.

    `approved_by`: whose approval the step has; `deciders`: who gave it, for themselves or for somebody else. `barred`:
    who does not decide on it besides the requester, since it is their doing too.
    """

    requester: str
    amount: Decimal | None
    steps: tuple[Step, ...]
    state: State = State.DRAFT
    at: int = 0
    approved_by: tuple[str, ...] = ()
    deciders: tuple[str, ...] = ()
    since: datetime | None = None
    escalated: bool = False
    barred: tuple[str, ...] = ()

    @property
    def step(self) -> Step:
        """The step that is waited for."""
        return self.steps[self.at]

    @property
    def is_open(self) -> bool:
        """Whether something can still become of it."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides: subject, permissions, and the delegations to them that count today."""

    name: str
    permissions: frozenset[str] = frozenset()
    acts_for: frozenset[str] = frozenset()


def person(name: str, permissions: Iterable[str], delegations: Iterable[Delegation], on: date) -> Person:
    """A person as of a date."""
    for_whom = {d.from_user for d in delegations if d.to_user == name and d.covers(on)}
    return Person(name, frozenset(permissions), frozenset(for_whom))


def submit(
    requester: str, amount: Decimal | None, steps: Sequence[Step], now: datetime, barred: Iterable[str] = ()
) -> Approval:
    """A new request; approved at once when no step applies to its amount."""
    others = tuple(sorted(set(barred) - {requester}))
    return _started(Approval(requester, amount, (), barred=others), amount, steps, now)


def resubmit(approval: Approval, who: str, amount: Decimal | None, steps: Sequence[Step], now: datetime) -> Approval:
    """What was denied, sent back or recalled begins anew. Raises NotAllowed."""
    _only_requester(approval, who)
    if approval.state not in SENT_BACK:
        raise NotAllowed(f"It is {approval.state}: only what was denied, sent back or recalled can be submitted again.")
    return _started(approval, amount, steps, now)


def _started(approval: Approval, amount: Decimal | None, steps: Sequence[Step], now: datetime) -> Approval:
    chosen = tuple(step for step in steps if step.applies(amount))
    state = State.APPROVAL_PENDING if chosen else State.APPROVED
    return replace(
        approval, amount=amount, steps=chosen, state=state, at=0, approved_by=(), deciders=(), since=now,
        escalated=False,
    )  # fmt: skip


def approve(approval: Approval, who: Person, now: datetime) -> tuple[Approval, str]:
    """The request after an approval, and for whom the person acted. Raises NotAllowed."""
    name = _seat(approval, who)
    if who.name in approval.deciders or name in approval.approved_by:
        raise NotAllowed("You have approved this step already, or somebody has for you; another approver has to.")
    given = replace(approval, approved_by=(*approval.approved_by, name), deciders=(*approval.deciders, who.name))
    if len(given.approved_by) < approval.step.needed:
        return given, name
    if approval.at + 1 < len(approval.steps):
        return replace(given, at=approval.at + 1, approved_by=(), deciders=(), since=now, escalated=False), name
    return replace(given, state=State.APPROVED), name


def deny(approval: Approval, who: Person) -> Approval:
    """The request after a denial. Raises NotAllowed."""
    _seat(approval, who)
    return replace(approval, state=State.APPROVAL_DENIED)


def request_change(approval: Approval, who: Person) -> Approval:
    """Sent back to the requester. Raises NotAllowed."""
    _seat(approval, who)
    return replace(approval, state=State.CHANGE_REQUESTED)


def recall(approval: Approval, who: str) -> Approval:
    """The requester takes it back. Raises NotAllowed."""
    _only_requester(approval, who)
    if not approval.is_open:
        raise NotAllowed(f"It is {approval.state}; there is nothing to recall.")
    return replace(approval, state=State.CANCELLED)


def lapse(approval: Approval) -> Approval:
    """What was asked on has changed: nothing comes of the request (spec 1.17)."""
    return replace(approval, state=State.CANCELLED)


def complete(approval: Approval) -> Approval:
    """What was approved has taken effect."""
    return replace(approval, state=State.COMPLETED)


def fail(approval: Approval) -> Approval:
    """What was approved could not be done: the requester mends it and submits again, or recalls it (spec 3.13)."""
    return replace(approval, state=State.CHANGE_REQUESTED)


def is_overdue(approval: Approval, now: datetime) -> bool:
    """Whether the step has waited longer than its workflow allows and has not been escalated."""
    if approval.state is not State.APPROVAL_PENDING or approval.escalated or approval.since is None:
        return False
    days = approval.step.escalate_after_days
    return days is not None and now - approval.since >= timedelta(days=days)


def escalate(approval: Approval) -> Approval:
    """From now on the users to whom the step escalates may decide too."""
    return replace(approval, escalated=True)


def _only_requester(approval: Approval, who: str) -> None:
    if who != approval.requester:
        raise NotAllowed(f"Only {approval.requester}, who asked, can do this.")


def _seat(approval: Approval, who: Person) -> str:
    """For whom a person decides: for themselves if they are an approver, else for who has delegated to them."""
    if approval.state is not State.APPROVAL_PENDING:
        raise NotAllowed(f"It is {approval.state}: nothing is waiting for a decision.")
    if who.name == approval.requester:
        raise NotAllowed("Who asks does not approve: somebody else has to decide (four eyes).")
    if who.name in approval.barred:
        raise NotAllowed("It is your doing too that is asked for: somebody else has to decide (four eyes).")
    named = {*approval.step.users, *(approval.step.escalate_to if approval.escalated else ())}
    if who.name in named or approval.step.permission in who.permissions:
        return who.name
    seats = sorted((named & who.acts_for) - {approval.requester, *approval.barred} - set(approval.approved_by))
    if not seats:
        raise NotAllowed(_no_seat(approval.step))
    return seats[0]


def _no_seat(step: Step) -> str:
    if step.permission is None:
        return f"You are no approver of the step {step.name}."
    return (
        f"You are no approver of the step {step.name}: it is decided by whoever has {step.permission}. A delegation "
        "counts for users that a step names; who else shall decide needs the permission."
    )


@dataclass(frozen=True, slots=True)
class Workflow:
    """The approval of one kind of subject in a company; an inactive one asks nobody."""

    company: str
    kind: str
    active: bool = False
    steps: tuple[Step, ...] = ()
    version: int = 0
