"""The states of an approval, as properties over any workflow and any sequence of acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.approvals.model import (
    SENT_BACK,
    Approval,
    Delegation,
    NotAllowed,
    Person,
    State,
    Step,
    approve,
    deny,
    escalate,
    is_overdue,
    lapse,
    person,
    recall,
    request_change,
    resubmit,
    submit,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
USERS = ("ann", "bob", "carl", "dora", "kim")
users = st.sampled_from(USERS)
amounts = st.decimals(0, 1_000_000, places=2)
ONE = Step("manager", users=("ann",))


@st.composite
def steps(draw: Any) -> Step:
    named = tuple(draw(st.sets(users, min_size=1, max_size=4)))
    low, high = draw(st.none() | amounts), draw(st.none() | amounts)
    return Step("s", named, None, draw(st.integers(1, len(named))), low, high)


@st.composite
def people(draw: Any) -> Person:
    return Person(draw(users), frozenset(), frozenset(draw(st.sets(users, max_size=3))))


def approved_all(approval: Approval, by: list[Person]) -> tuple[Approval, list[list[str]]]:
    """Everybody approves as often as they may; answers who decided on each step."""
    deciders: list[list[str]] = [[] for _ in approval.steps]
    for who in by:
        try:
            at = approval.at
            approval, _ = approve(approval, who, NOW)
            deciders[at].append(who.name)
        except NotAllowed:
            continue
    return approval, deciders


@given(st.lists(steps(), max_size=4), users, amounts, st.lists(people(), max_size=40))
def test_every_step_has_as_many_different_deciders_as_it_needs_and_the_requester_is_none_of_them(
    workflow: list[Step], requester: str, amount: Decimal, by: list[Person]
) -> None:
    begun = submit(requester, amount, workflow, NOW)
    ended, deciders = approved_all(begun, by)
    assert all(step.applies(amount) for step in begun.steps)
    assert all(len(set(names)) == len(names) for names in deciders)
    assert not any(requester in names for names in deciders)
    full = all(len(names) == step.needed for step, names in zip(begun.steps, deciders, strict=True))
    assert (ended.state is State.APPROVED) == full


@given(st.lists(steps(), max_size=4), amounts)
def test_what_no_band_covers_is_approved_at_once(workflow: list[Step], amount: Decimal) -> None:
    begun = submit("kim", amount, workflow, NOW)
    assert (begun.state is State.APPROVED) == (not any(step.applies(amount) for step in workflow))


@given(st.lists(st.sampled_from(["approve", "deny", "change", "recall", "resubmit", "lapse"]), max_size=12))
def test_nothing_comes_back_from_approved_and_what_is_sent_back_begins_anew(acts: list[str]) -> None:
    approval, ann = submit("kim", Decimal(1), [ONE], NOW), Person("ann")
    tried: dict[str, Callable[[Approval], Approval]] = {
        "approve": lambda a: approve(a, ann, NOW)[0],
        "deny": lambda a: deny(a, ann),
        "change": lambda a: request_change(a, ann),
        "recall": lambda a: recall(a, "kim"),
        "resubmit": lambda a: resubmit(a, "kim", Decimal(1), [ONE], NOW),
        "lapse": lapse,
    }
    for act in acts:
        before = approval
        try:
            approval = tried[act](approval)
        except NotAllowed:
            continue
        if before.state is State.APPROVED:
            assert act == "lapse"
        if act == "resubmit":
            assert before.state in SENT_BACK
            assert (approval.state, approval.approved_by, approval.at) == (State.APPROVAL_PENDING, (), 0)


def test_bands_begin_at_their_first_amount_and_end_before_the_last() -> None:
    step = Step("board", ("ann",), from_amount=Decimal(100), to_amount=Decimal(200))
    assert [step.applies(Decimal(n)) for n in (99, 100, 199, 200)] == [False, True, True, False]


def test_a_delegate_decides_within_the_dates_and_only_once() -> None:
    both = Step("two", ("ann", "carl"), needed=2)
    given_to_bob = [
        Delegation("ann", "bob", date(2026, 3, 1), date(2026, 3, 2)),
        Delegation("carl", "bob", date(2026, 3, 1), date(2026, 3, 2)),
    ]
    bob = person("bob", (), given_to_bob, date(2026, 3, 2))
    once, acted_for = approve(submit("kim", Decimal(1), [both], NOW), bob, NOW)
    assert (acted_for, once.deciders) == ("ann", ("bob",))
    with pytest.raises(NotAllowed):
        approve(once, bob, NOW)
    with pytest.raises(NotAllowed):
        approve(once, Person("ann"), NOW)
    assert approve(once, Person("carl"), NOW)[0].state is State.APPROVED
    late = person("bob", (), given_to_bob, date(2026, 3, 3))
    with pytest.raises(NotAllowed):
        approve(submit("kim", Decimal(1), [both], NOW), late, NOW)


def test_nobody_decides_through_a_delegation_on_their_own_request() -> None:
    kim = person("kim", (), [Delegation("ann", "kim", date(2026, 1, 1), date(2026, 12, 31))], date(2026, 3, 2))
    with pytest.raises(NotAllowed, match="four eyes"):
        approve(submit("kim", Decimal(1), [ONE], NOW), kim, NOW)
    bob = person("bob", (), [Delegation("kim", "bob", date(2026, 1, 1), date(2026, 12, 31))], date(2026, 3, 2))
    with pytest.raises(NotAllowed):
        approve(submit("kim", Decimal(1), [Step("s", ("kim",))], NOW), bob, NOW)


def test_a_permission_makes_an_approver() -> None:
    anyone = Step("role", permission="approvals:decide", needed=2)
    begun = submit("kim", Decimal(1), [anyone], NOW)
    can = frozenset({"approvals:decide"})
    ended, deciders = approved_all(
        begun, [Person("kim", can), Person("ann", can), Person("ann", can), Person("b", can)]
    )
    assert (ended.state, deciders) == (State.APPROVED, [["ann", "b"]])


def test_escalation_lets_others_decide_after_its_days() -> None:
    step = Step("slow", ("ann",), escalate_after_days=2, escalate_to=("dora",))
    begun = submit("kim", Decimal(1), [step], NOW)
    assert not is_overdue(begun, NOW + timedelta(hours=47))
    assert is_overdue(begun, NOW + timedelta(hours=48))
    with pytest.raises(NotAllowed):
        approve(begun, Person("dora"), NOW)
    raised = escalate(begun)
    assert not is_overdue(raised, NOW + timedelta(days=9))
    assert approve(raised, Person("dora"), NOW)[0].state is State.APPROVED
    assert approve(raised, Person("ann"), NOW)[0].state is State.APPROVED
