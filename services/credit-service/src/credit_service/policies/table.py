"""Policies from and to CSV: each line is judged as a POST or PUT of it would be (spec 1.8, 1.17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson
from pydantic import ValidationError

from credit_service.policies.bodies import PolicyBody, must_be_possible, must_exist
from credit_service.policies.changing import Wanted, lets_owe_more, standing_after
from credit_service.policies.store import FIELDS
from credit_service.room.model import Standing, resulting_limit
from credit_service.room.reading import must_be_measurable
from credit_service.tables.model import Fault, Line, Outcome, Table, Told, cell, refusal
from credit_service.tables.reporting import Wish, fault_of
from holdfast.contracts.refusals import explain
from holdfast.receivables.money import ZERO, rounded
from holdfast.web.problems import Problem

POLICIES = Table(
    "policies", ("id", "version", *FIELDS), frozenset({"customer"}), frozenset({"insurer_guarantor", "identification"})
)
PLAIN = tuple(name for name in FIELDS if name not in {"company", "value", "currency"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A line that names a policy, or a new one; `before` is its row."""

    line: Line
    before: Any
    body: PolicyBody

    @property
    def number(self) -> UUID:
        """Of the policy that is there; of a new one as its fields give it."""
        if self.before is not None:
            return UUID(str(self.before["id"]))
        return uuid5(NAMESPACE_URL, "holdfast policy " + repr([cell(part) for part in key_of(self.body.fields())]))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a line would do; `amount`: the resulting limit where that has to be approved."""

    told: Told
    wanted: Wanted
    amount: Decimal = ZERO


def cells_of(row: Any) -> dict[str, str]:
    """A policy as its line of an export."""
    found = {name: cell(row[name]) for name in POLICIES.columns}
    return found | {"value": cell(rounded(row["value"], row["currency"]))}


def number_of(line: Line) -> UUID | Fault | None:
    """The policy that a line names; None where it adds one."""
    text = line.cells.get("id", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        return Fault("id", text, "is no number of a policy", "Take it from an export, or leave it empty to add one.")


def drafted(line: Line, before: Any, wish: Wish) -> Draft | Told:
    """What a line describes; what it does by itself when that is nothing, or cannot be."""
    subject = line.cells.get("customer", "")
    if (fault := _wrong_key(line, before, wish.company)) is not None:
        return refusal(line, subject, fault)
    now = cells_of(before) if before else {}
    wanted = {**now, **line.cells}
    if before and all(wanted[name] == now[name] for name in POLICIES.columns if name != "version"):
        number, version = str(before["id"]), before["version"]
        return Told(line.number, subject, Outcome.UNCHANGED, id=number, version=version)
    fields: dict[str, Any] = {name: wanted[name] for name in PLAIN if wanted.get(name)}
    fields["value"] = {"amount": wanted.get("value", ""), "currency": wanted.get("currency", "")}
    try:
        body = PolicyBody.model_validate_json(orjson.dumps(fields | {"company": wish.company}))
    except ValidationError as error:
        first = explain(error)[0]
        return refusal(line, subject, Fault(first.field, first.value, first.problem, first.remedy))
    return Draft(line, before, body)


def _wrong_key(line: Line, before: Any, company: str) -> Fault | None:
    cells = line.cells
    if cells.get("company", "") not in ("", company):
        return Fault(
            "company", cells["company"], f"the file is imported into {company}", "Import it with that company."
        )
    if cells.get("id") and before is None:
        return Fault("id", cells["id"], f"is no policy of {company}", "Leave the id empty to add a policy.")
    if before is not None and cells["customer"] != before["customer"]:
        return Fault("customer", cells["customer"], "a policy stays with its customer",
                     "Leave the id empty to add a policy of this customer.")  # fmt: skip
    version = cells.get("version", "")
    if before is not None and version not in ("", str(before["version"])):
        return Fault("version", version, f"the policy has version {before['version']} now",
                     "Export it again and decide whether your change still stands.")  # fmt: skip
    return None


@dataclass(frozen=True, slots=True)
class Around:
    """What lines are judged beside: entries of master data; policies by all their fields, and by number; numbers of
    policies with an open request; `asks`: raises pass approval; `added`: the lines of this file that have added a
    policy, by its number; `standings`: how much the customers may owe after the lines so far."""

    entries: Collection[tuple[str, str]]
    alike: Mapping[tuple[Any, ...], Any]
    there: Mapping[UUID, Any]
    waiting: Collection[UUID]
    asks: bool
    added: dict[UUID, int]
    standings: dict[str, Standing]


def planned(draft: Draft, around: Around) -> Planned | Told:
    """What becomes of a line. A policy without an id gets one that follows from its fields: a file that is sent again
    adds nothing twice, neither while requests are open nor when the policy has changed since."""
    line, body, before = draft.line, draft.body, draft.before
    try:
        must_be_possible(body)
        must_exist(body, around.entries)
    except Problem as problem:
        return refusal(line, body.customer, fault_of(problem))
    fields, number = body.fields(), draft.number
    same = around.alike.get(key_of(fields)) if before is None else before
    if same is not None and key_of(same) == key_of(fields):
        return Told(line.number, body.customer, Outcome.UNCHANGED, id=str(same["id"]), version=same["version"])
    wanted, standing = Wanted(number, before, fields), around.standings[body.customer]
    after = standing_after(standing, number, wanted)
    waits = around.asks and lets_owe_more(standing, after, wanted)
    try:
        if waits:
            must_be_measurable(after)
    except Problem as problem:
        return refusal(line, body.customer, fault_of(problem))
    if (fault := _in_the_way(draft, around, waits=waits)) is not None:
        return refusal(line, body.customer, fault)
    around.standings[body.customer] = after
    changes = tuple(name for name in FIELDS if before and before[name] != fields[name])
    outcome = Outcome.WAITS if waits else Outcome.CHANGED if before else Outcome.CREATED
    version = None if waits else (before["version"] if before else 0) + 1
    told = Told(line.number, body.customer, outcome, changes, version=version, id=str(number))
    return Planned(told, wanted, resulting_limit(standing, after) if waits else ZERO)


def _in_the_way(draft: Draft, around: Around, *, waits: bool) -> Fault | None:
    number, text = draft.number, str(draft.number)
    if waits and number in around.waiting:
        remedy = "Recall that request or wait for its decision."
        return Fault("id", text, "an approval of this policy is pending", remedy)
    if draft.before is None and number in around.there:
        return Fault("id", text, "this line has added that policy before, and it has changed since",
                     "Name its id to change it.")  # fmt: skip
    first = around.added.setdefault(number, draft.line.number)
    if first != draft.line.number:
        return Fault("line", None, f"line {first} adds the same policy", "Leave one of them out.")
    return None


def key_of(fields: Any) -> tuple[Any, ...]:
    """All fields of a policy but its number and version."""
    return tuple(fields[name] for name in FIELDS)
