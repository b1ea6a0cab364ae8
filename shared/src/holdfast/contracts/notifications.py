"""Events of `notification-requests.v1`: what people are to be told of, by whichever service."""

from __future__ import annotations

from pydantic import Field

from holdfast.contracts.base import CompanyId, Id, Instant, Payload, Text, event
from holdfast.contracts.topics import NOTIFICATION_REQUESTS


@event(
    "notification.requested.v1",
    NOTIFICATION_REQUESTS,
    example={"company": "DE01", "sequence": 1, "template": "approval.lapsed", "to_users": ["kim"],
             "reference": "5b1f1a58-5a0e-4e57-8c9e-0d2f3c1f7a11", "about": "credit-profile-change",
             "subject": "C-1001", "text": "What was asked on has changed meanwhile; ask again.", "by": "sam",
             "at": "2026-03-02T12:00:00Z"},
)  # fmt: skip
class NotificationRequested(Payload):
    """People are to be told of something: named users, or everybody in the company who has a permission.

    notification-service words it by its template and sends it. Templates so far: approval.asked (somebody has to
    decide), approval.escalated (now they may decide too), approval.decided and approval.lapsed (to who asked).
    """

    company: CompanyId = Field(description="whose business it is: people who may not see it are not told")
    sequence: int = Field(ge=1, description="grows by one with each event of this key on this topic")
    template: Id = Field(description="which message it is")
    to_users: tuple[Text, ...] = Field((), description="subjects of the tokens of those to be told")
    to_permission: Text | None = Field(None, description="whoever has this permission in the company is told too")
    reference: Id = Field(description="what it is about, by its number: for templates of approvals the approval's")
    about: Text = Field(description="kind of what it is about: for approvals the kind of the workflow")
    subject: Text = Field(description="customer, policy, credit group, journal or hold, as the approval names it")
    state: Text | None = Field(None, description="where it stands now")
    text: Text | None = Field(None, description="what was noted, or why")
    by: Text = Field(description="who acted; holdfast where nobody did")
    at: Instant

    def partition_key(self) -> str:
        return f"notification/{self.company}/{self.reference}"


__all__ = ["NotificationRequested"]
