"""Credit profiles from and to CSV: each line is judged as a PUT of it would be, a thousand at a time (spec 1.1, 1.17).

A column that the file has not leaves its field as it is; an empty cell clears it. A cell that says what an export
says changes nothing, so that what was exported can be imported again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from pydantic import ValidationError

from credit_service.profiles.bodies import PAIR, Known, ProfileBody, change_of, must_be_possible
from credit_service.profiles.changing import LIMIT_FIELDS, Judged, Rules, judged
from credit_service.profiles.model import COLUMNS, Change, Profile
from credit_service.room.model import Standing
from credit_service.tables.model import Fault, Line, Outcome, Table, Told, cell, refusal
from credit_service.tables.reporting import Wish, fault_of
from holdfast.contracts.refusals import explain
from holdfast.receivables.money import rounded
from holdfast.web.problems import Problem

PROFILES = Table("credit profiles", COLUMNS, frozenset({"customer"}), frozenset({"credit_rating", "notes"}))
LIMITS = Table(
    "credit limits",
    ("company", "customer", "version", "currency", "credit_limit", "customer_currency",
     "credit_limit_customer_currency", "credit_limit_date", "credit_limit_expiry_date"),
    frozenset({"customer"}),
)  # fmt: skip
OURS = ("credit_limit_date", "eligible_credit_limit_date")
"""Dates that the service keeps; a file cannot set them."""
NO_FIELDS = {"company", "customer", "version", "currency", *OURS}
MONEY = {"credit_limit": "currency", "credit_limit_customer_currency": "customer_currency",
         "eligible_credit_limit": "eligible_credit_limit_currency"}  # fmt: skip
PLAIN = tuple(name for name in COLUMNS if name not in {*NO_FIELDS, *MONEY, *MONEY.values()})


@dataclass(frozen=True, slots=True)
class Draft:
    """A line that a change is to be made of: its body, and the columns whose cells differ from what is there."""

    line: Line
    before: Profile
    body: ProfileBody
    differing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a line would do."""

    told: Told
    judged: Judged


def cells_of(profile: Profile) -> dict[str, str]:
    """A profile as its line of an export."""
    found = {name: cell(getattr(profile, name)) for name in COLUMNS}
    for name, code in MONEY.items():
        amount = getattr(profile, name)
        if amount is not None:
            found[name] = cell(rounded(amount, getattr(profile, code) or profile.currency))
    return found


def drafted(line: Line, before: Profile) -> Draft | Told:
    """What a line describes; what it does by itself when that is nothing, or cannot be."""
    customer, now = before.customer, cells_of(before)
    fault = _wrong_key(line, before)
    if fault is not None:
        return refusal(line, customer, fault)
    there = now if before.version else {}
    differing = frozenset(name for name, text in line.cells.items() if text != there.get(name, ""))
    if before.version and not differing - NO_FIELDS - {"currency"}:
        return Told(line.number, customer, Outcome.UNCHANGED, warnings=_warnings(differing), version=before.version)
    try:
        body = ProfileBody.model_validate_json(orjson.dumps(_fields(line, now, before, differing)))
    except ValidationError as error:
        first = explain(error)[0]
        return refusal(line, customer, Fault(first.field, first.value, first.problem, first.remedy))
    return Draft(line, before, body, differing)


def _wrong_key(line: Line, before: Profile) -> Fault | None:
    company, version = line.cells.get("company", ""), line.cells.get("version", "")
    if company not in ("", before.company):
        return Fault("company", company, f"the file is imported into {before.company}", "Import it with that company.")
    if version not in ("", str(before.version)):
        now = f"the profile has version {before.version} now" if before.version else "there is no profile yet"
        return Fault("version", version, now, "Export it again and decide whether your change still stands, or leave "
                     "version empty to change whatever is there.")  # fmt: skip
    return None


def _warnings(differing: frozenset[str]) -> tuple[str, ...]:
    return tuple(f"{name} is kept by the service and was not taken." for name in OURS if name in differing)


def _fields(line: Line, now: Mapping[str, str], before: Profile, differing: frozenset[str]) -> dict[str, Any]:
    """The body of a PUT that would do the same; a limit that is not named stays in company currency for now."""
    wanted = {**now, **line.cells}
    found: dict[str, Any] = {name: wanted[name] for name in PLAIN if wanted[name]}
    if "account_status" in differing and "invoicing_delivery_on_hold" not in line.cells:
        found.pop("invoicing_delivery_on_hold", None)
    own = differing & {"customer_currency", "credit_limit_customer_currency"}
    if own and wanted["credit_limit_customer_currency"]:
        found["credit_limit_customer_currency"] = _money(wanted, "credit_limit_customer_currency", before.currency)
    elif wanted["credit_limit"]:
        found["credit_limit"] = _money(wanted, "credit_limit", before.currency)
    if differing & {"eligible_credit_limit", "eligible_credit_limit_currency"}:
        amount = wanted["eligible_credit_limit"] or "0"
        found["eligible_credit_limit"] = _money(wanted, "eligible_credit_limit", before.currency) | {"amount": amount}
    return found


def _money(wanted: Mapping[str, str], name: str, company_currency: str) -> dict[str, str]:
    return {"amount": wanted[name], "currency": wanted[MONEY[name]] or company_currency}


def planned(
    draft: Draft,
    standing: Standing,
    known: Known,
    rules: Rules,
    wish: Wish,
    *,
    identified: bool,
    has_open: bool,
    by_journal: bool,
) -> Planned | Told:
    """What becomes of a line; `has_open`: an approval of the customer is pending, `by_journal`: limits change by
    adjustment journals only, and the file becomes one."""
    line, before = draft.line, draft.before
    try:
        must_be_possible(before.company, draft.body)
        change = _change(draft, known)
        found = judged(rules, standing, change, identified=identified, confirmed=wish.confirm_group_limit)
    except Problem as problem:
        return refusal(line, before.customer, fault_of(problem))
    fields = tuple(name for name in COLUMNS if _differs(found, name))
    if before.version and not fields:
        return Told(line.number, before.customer, Outcome.UNCHANGED, warnings=_warnings(draft.differing),
                    version=before.version)  # fmt: skip
    if by_journal and any(name in LIMIT_FIELDS for name in fields):
        outcome = Outcome.DRAFTED
    elif found.waits:
        outcome = Outcome.WAITS
    else:
        outcome = Outcome.CHANGED if before.version else Outcome.CREATED
    if outcome is Outcome.WAITS and has_open:
        return refusal(line, before.customer, Fault("line", None, "an approval of a change of this customer is pending",
                                                    "Recall that request or wait for its decision."))  # fmt: skip
    warnings = (*found.warnings, *_warnings(draft.differing))
    version = None if outcome in (Outcome.WAITS, Outcome.DRAFTED) else found.after.version
    return Planned(Told(line.number, before.customer, outcome, fields, None, warnings, version), found)


def _differs(found: Judged, name: str) -> bool:
    return name not in ("version", *OURS) and getattr(found.before, name) != getattr(found.after, name)


def _change(draft: Draft, known: Known) -> Change:
    before, differing = draft.before, draft.differing
    change = change_of(draft.body, known, before)
    if before.version and not differing & {*PAIR}:
        return replace(change, values=change.values | {name: getattr(before, name) for name in PAIR})
    said, computed = draft.line.cells.get("credit_limit", ""), change.values["credit_limit"]
    if draft.body.credit_limit_customer_currency is not None and "credit_limit" in differing and said:
        _must_agree(said, computed)
    return change


def _must_agree(said: str, computed: Decimal) -> None:
    """Both figures of a limit are new: neither is overruled in silence."""
    try:
        agrees = Decimal(said) == computed
    except ArithmeticError:
        agrees = False
    if not agrees:
        raise Problem(
            422, "invalid", "The figures differ", errors=[{
                "field": "credit_limit", "value": said, "problem": "credit_limit_customer_currency comes to "
                f"{computed:f} at the rate of today", "remedy": "Leave one of the two cells empty."}],
        )  # fmt: skip
