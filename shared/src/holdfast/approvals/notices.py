"""Who is told of what becomes of a request (spec 1.17): written with the change, sent by notification-service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from holdfast.approvals.model import Approval, State
from holdfast.bus import outbox
from holdfast.contracts.notifications import NotificationRequested
from holdfast.database.work import Work

ASKED, ESCALATED = "approval.asked", "approval.escalated"
DECIDED, LAPSED = "approval.decided", "approval.lapsed"
ANSWERS = frozenset({State.APPROVAL_DENIED, State.CHANGE_REQUESTED, State.COMPLETED, State.APPROVED})
"""What who asked is told of."""


@dataclass(frozen=True, slots=True)
class About:
    """The request that is spoken of: its number, company, kind and subject."""

    id: UUID
    company: str
    kind: str
    subject: str


async def asked(work: Work, given: Iterable[tuple[About, Approval]], by: str, text: str | None) -> None:
    """Tell those who are to decide on the steps that are waited for."""
    await outbox.emit(
        work,
        [
            _notice(work, ASKED, about, approval, approval.step.users, by, text, approval.step.permission)
            for about, approval in given
            if approval.state is State.APPROVAL_PENDING
        ],
    )


async def escalated(work: Work, given: Iterable[tuple[About, Approval]], by: str) -> None:
    """Tell those who may decide from now on."""
    await outbox.emit(work, [_notice(work, ESCALATED, about, a, a.step.escalate_to, by, None) for about, a in given])


async def answered(work: Work, about: About, approval: Approval, by: str, text: str | None) -> None:
    """Tell who asked what was decided, unless that was their own act."""
    await answered_many(work, [(about, approval)], by, text)


async def answered_many(work: Work, given: Iterable[tuple[About, Approval]], by: str, text: str | None) -> None:
    """As `answered`, of many requests."""
    await outbox.emit(
        work,
        [
            _notice(work, DECIDED, about, approval, (approval.requester,), by, text)
            for about, approval in given
            if approval.state in ANSWERS and by != approval.requester
        ],
    )


async def lapsed(work: Work, about: About, approval: Approval, by: str, why: str) -> None:
    """Tell who asked that nothing comes of it."""
    await outbox.emit(work, [_notice(work, LAPSED, about, approval, (approval.requester,), by, why)])


def _notice(
    work: Work, template: str, about: About, approval: Approval, users: Iterable[str], by: str, text: str | None,
    permission: str | None = None,
) -> NotificationRequested:  # fmt: skip
    return NotificationRequested(
        company=about.company, sequence=1, template=template, to_users=tuple(sorted(set(users) - {by})),
        to_permission=permission, reference=str(about.id), about=about.kind, subject=about.subject,
        state=approval.state, text=text, by=by, at=work.business_now,
    )  # fmt: skip
