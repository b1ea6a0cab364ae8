"""What the routes of automatic limits take, and how they show it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from credit_service.automatic.model import ORDERING, Choice, Operator, Rule, RuleLine, Value
from credit_service.automatic.store import Kept
from credit_service.risk.bodies import as_number
from credit_service.risk.model import ScoringGroup, shown_number
from holdfast.contracts.scalars import Code
from holdfast.receivables.money import ZERO, rounded
from holdfast.web.money import MoneyModel, money
from holdfast.web.problems import Problem, field_problem

MOST_LINES = 200
Groups = Mapping[str, ScoringGroup]


class LineBody(BaseModel):
    """A limit for customers whose value in a scoring group compares so."""

    model_config = ConfigDict(extra="forbid")

    scoring_group: Code
    operator: Operator = Field(description="texts are less or greater by their place in the list of the scoring group")
    comparison_value: str = Field(
        min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$", description="a number where the group's values are"
    )
    credit_limit: MoneyModel = Field(description="in the currency of the rule")


class RuleBody(BaseModel):
    """Limits for the customers of a risk group with a currency (spec 1.11)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "max_revenue": {"amount": "2000000.00", "currency": "EUR"}, "choice": "highest",
        "lines": [{"scoring_group": "DNB", "operator": "=", "comparison_value": "A2",
                   "credit_limit": {"amount": "300000.00", "currency": "EUR"}}]}]})  # fmt: skip

    max_revenue: MoneyModel | None = Field(
        None, description="a newest revenue above it: no limit; 0 or absent: no test"
    )
    choice: Choice = Field("highest", description="which of several lines that match counts")
    lines: tuple[LineBody, ...] = Field(min_length=1, max_length=MOST_LINES)


class RevenueBody(BaseModel):
    """The revenue of a customer in the period that has ended."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"revenue": {"amount": "1500000.00", "currency": "EUR"}}]})  # fmt: skip

    revenue: MoneyModel


def rule_of(risk_group: str, currency: str, given: RuleBody, groups: Groups) -> Rule:
    """Raises Problem 422 for a line that compares what cannot be compared, or an amount in another currency."""
    most = None if given.max_revenue is None else _amount(given.max_revenue, currency, "max_revenue")
    lines = tuple(_line(f"lines.{n}", line, currency, groups) for n, line in enumerate(given.lines))
    return Rule(risk_group, currency, most, given.choice, lines)


def _line(place: str, line: LineBody, currency: str, groups: Groups) -> RuleLine:
    group = groups.get(line.scoring_group)
    if group is None:
        raise _invalid(f"{place}.scoring_group", line.scoring_group, "does not exist in this company",
                       "Name a scoring group of GET /v1/scoring-groups.")  # fmt: skip
    field, text = f"{place}.comparison_value", line.comparison_value
    number = as_number(text, field) if group.is_numeric else None
    if number is None and line.operator in ORDERING and text not in _listed(group):
        raise _invalid(field, text, f"is not in the list of {group.id}, which says what is less and what is greater",
                       "Compare with a value of that list, or use = or <>.")  # fmt: skip
    value = Value(text) if number is None else Value(shown_number(number), number)
    limit = _amount(line.credit_limit, currency, f"{place}.credit_limit")
    return RuleLine(group.id, line.operator, value, limit)


def _listed(group: ScoringGroup) -> set[str]:
    return {line.value for line in group.lines if line.value is not None}


def _amount(given: MoneyModel, currency: str, field: str) -> Decimal:
    if given.currency != currency:
        raise _invalid(f"{field}.currency", given.currency, f"the rule is for {currency}", f"Send it in {currency}.")
    if given.amount < 0 or rounded(given.amount, currency) != given.amount:
        raise _invalid(f"{field}.amount", f"{given.amount:f}", f"below zero, or finer than {currency} has minor units",
                       "Send an amount of 0 or more in whole minor units.")  # fmt: skip
    return given.amount


def _invalid(field: str, value: str, problem: str, remedy: str) -> Problem:
    return field_problem(422, "invalid", "The request is not valid", field, value, problem, remedy)


def shown_rule(kept: Kept, groups: Groups) -> dict[str, Any]:
    """A rule as the API shows it; a warning names each line that compares with what its list has not."""
    rule = kept.rule
    return {
        "risk_group": rule.risk_group, "currency": rule.currency,
        "max_revenue": money(rule.max_revenue, rule.currency), "choice": rule.choice,
        "lines": [_shown_line(line, rule.currency) for line in rule.lines], "version": kept.version,
        "warnings": [text for n, line in enumerate(rule.lines, 1) if (text := _warning(n, line, groups))],
    }  # fmt: skip


def _shown_line(line: RuleLine, currency: str) -> dict[str, Any]:
    return {
        "scoring_group": line.scoring_group, "operator": line.operator, "comparison_value": line.compared.text,
        "credit_limit": money(line.credit_limit, currency),
    }  # fmt: skip


def _warning(number: int, line: RuleLine, groups: Groups) -> str | None:
    group = groups.get(line.scoring_group)
    if group is None or line.compared.number is not None or line.compared.text in _listed(group):
        return None
    return f"Line {number}: {group.id} has no line for {line.compared.text}, so that nothing is less or greater."


def shown_revenue(row: asyncpg.Record) -> dict[str, Any]:
    """A revenue figure as the API shows it."""
    return {
        "period_end": row["period_end"], "revenue": money(row["revenue"], row["currency"]), "version": row["version"],
    }  # fmt: skip


def shown_proposal(row: Any, currency: str) -> dict[str, Any]:
    """What is proposed for a customer, or why nothing is; amounts in company currency."""
    proposed = row["new_limit"] if row["outcome"] == "proposed" else None
    return {
        "customer": row["customer"], "outcome": row["outcome"], "risk_group": row["risk_group"],
        "current_limit": money(row["credit_limit"] or ZERO, currency), "current_to": row["credit_limit_expiry_date"],
        "new_limit": money(proposed, currency), "basis": shown_basis(row["basis"]),
    }  # fmt: skip


def shown_basis(basis: dict[str, Any] | None) -> dict[str, Any] | None:
    """The rule, the line, the value and the rate that a proposal was made from; amounts in the rule's currency."""
    if basis is None:
        return None
    shown = {name: value for name, value in basis.items() if name != "revenue_currency"}
    currencies = dict.fromkeys(("max_revenue", "credit_limit"), basis["currency"])
    for name, currency in (currencies | {"revenue": basis["revenue_currency"]}).items():
        shown[name] = None if basis[name] is None else money(Decimal(basis[name]), currency)
    return shown
