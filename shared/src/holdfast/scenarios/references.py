"""Whether everything that a scenario names is there: companies, customers, users, rule kinds, parameters, events."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from holdfast.contracts import REGISTRY
from holdfast.scenarios.events import IN_FACTS
from holdfast.scenarios.expected import EventExpected, Expect
from holdfast.scenarios.facts import Fact, PolicyFact, RuleFact
from holdfast.scenarios.marked import Where
from holdfast.scenarios.names import FIGURES, JOBS, WORKFLOWS, names, rejects
from holdfast.scenarios.setting import companies_of, every_step, is_made, rate_types
from holdfast.scenarios.shapes import way_is_known
from holdfast.scenarios.steps import Scenario, Step
from holdfast.web.auth import PERMISSIONS, ROLES

Problem = tuple[Where, str]
NAMES_CUSTOMERS = {"customer", "customers", "members"}
NAMES_COMPANIES = {"company", "owner_company"}
NOT_NAMES = {"fields", "figures", "lines", "rows", "params", "more", "body", "options", "set", "parameters", "profile"}
"""Mappings of others' fields: what stands in them is not ours to check."""
PLACE = re.compile(r"\{([^{}/]+)\}")


def wrong_references(scenario: Scenario) -> Iterator[Problem]:
    """What is named and not there, and where."""
    yield from _parties(scenario)
    yield from _users(scenario)
    yield from _set_up(scenario)
    for where, step in _steps(scenario):
        yield from _of_step(scenario, where, step)


def _steps(scenario: Scenario) -> Iterator[tuple[Where, Step]]:
    for place, step in enumerate(scenario.steps):
        yield ("steps", place), step
        for number, other in enumerate(step.parallel or ()):
            yield ("steps", place, "parallel", number), other


def _named(value: Any, wanted: Collection[str], where: Where = ()) -> Iterator[tuple[Where, str]]:
    """Every text in a field of one of these names, at any depth."""
    if isinstance(value, BaseModel):
        value = {type(value).model_fields[name].alias or name: getattr(value, name) for name in value.model_fields_set}
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in wanted:
                yield from _texts(item, (*where, name))
            if name not in NOT_NAMES:
                yield from _named(item, wanted, (*where, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _named(item, wanted, (*where, place))


def _texts(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        yield from ((where, one) for one in value if isinstance(one, str))


def _parties(scenario: Scenario) -> Iterator[Problem]:
    companies = companies_of(scenario)
    for where, name in _named(scenario, NAMES_COMPANIES):
        if name not in companies:
            yield where, rejects("company", name, companies)
    made = {
        str(step.customer["customer"]) for step in every_step(scenario) if step.customer and "customer" in step.customer
    }
    accounts = {fact.customer for fact in scenario.customers.values() if fact.customer}
    checked = {step.check.customer for step in every_step(scenario) if step.check and step.check.customer}
    known = {*scenario.customers, *made, *accounts, *checked}
    given = [((name,), getattr(scenario, name)) for name in ("credit_groups", "customers", *IN_FACTS)]
    commands = [((*where, name), getattr(step, name)) for where, step in _steps(scenario)
                for name in ("force", "evaluate", "edit_limit", "policy", "limit_check", "task", "expect")]  # fmt: skip
    for where, part in [*given, *commands]:
        for way, name in _named(part, {*NAMES_CUSTOMERS, "invoice_account"}, where):
            if name not in known and way != ("customers", way[1], "customer"):
                yield way, rejects("customer", name, {*scenario.customers, *made})


def _users(scenario: Scenario) -> Iterator[Problem]:
    for name, user in scenario.users.items():
        where: Where = ("users", name, "roles" if user.roles else "permissions")
        for role in user.granted:
            if role not in ROLES and role not in PERMISSIONS:
                yield where, rejects("role or permission", role, {*ROLES, *PERMISSIONS})
    for where, name in _named(scenario, {"user"}):
        if name not in scenario.users:
            yield where, f"{rejects('user', name, scenario.users)}: say under users what each may do"


def _set_up(scenario: Scenario) -> Iterator[Problem]:
    for name, company in scenario.companies.items():
        where: Where = ("companies", name)
        yield from _parameters(company.parameters, (*where, "parameters"))
        for place, rule in enumerate(company.rules):
            yield from _rule(rule, (*where, "rules", place))
        for place, workflow in enumerate(company.workflows):
            yield from _workflow(workflow, (*where, "workflows", place))


def _parameters(parameters: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    for name in parameters:
        if name not in names().parameters:
            yield (*where, name), rejects("parameter", name, names().parameters)


def _rule(rule: RuleFact, where: Where) -> Iterator[Problem]:
    if rule.kind not in names().rule_kinds:
        yield (*where, "kind"), rejects("kind of rules", rule.kind, names().rule_kinds)


def _workflow(workflow: Mapping[str, Any], where: Where) -> Iterator[Problem]:
    service = workflow.get("service", "hold-service")
    if service not in WORKFLOWS:
        yield (*where, "service"), rejects("service", str(service), WORKFLOWS)
    elif workflow.get("type") not in WORKFLOWS[service]:
        yield (*where, "type"), rejects(f"workflow type of {service}", str(workflow.get("type")), WORKFLOWS[service])


def _of_step(scenario: Scenario, where: Where, step: Step) -> Iterator[Problem]:
    is_refused = step.expect is not None and step.expect.refused not in (None, False)
    if step.setup is not None and not is_refused:
        yield from _parameters(step.setup.parameters, (*where, "setup", "parameters"))
        if step.setup.rule is not None:
            yield from _rule(step.setup.rule, (*where, "setup", "rule"))
    for place, rule in enumerate(step.what_if.rules if step.what_if else ()):
        yield from _rule(rule, (*where, "what_if", "rules", place))
    yield from _changes(where, step)
    if step.job is not None and step.job not in JOBS:
        yield (*where, "job"), rejects("job", step.job, JOBS)
    if step.task is not None and step.task.name not in names().tasks:
        yield (*where, "task", "name"), rejects("task", step.task.name, names().tasks)
    for way, path in _paths(step):
        yield from _path(scenario, (*where, *way), path)
    if step.expect is not None:
        yield from _expected(step.expect, (*where, "expect"))


def _changes(where: Where, step: Step) -> Iterator[Problem]:
    changes: dict[str, tuple[Any, type[Fact]]] = {
        "change_rule": (step.change_rule, RuleFact), "change_policy": (step.change_policy, PolicyFact),
    }  # fmt: skip
    for action, (change, model) in changes.items():
        for name in change.set if change else ():
            if name not in model.model_fields:
                yield (*where, action, "set", name), rejects("field", name, model.model_fields)
    for action in ("remove_rule", "remove_policy"):
        removal = getattr(step, action)
        if removal is not None and removal.set:
            yield (*where, action, "set"), "set is for a change; what goes has no fields"


def _paths(step: Step) -> Iterator[tuple[Where, str]]:
    if step.call is not None:
        yield ("call", "path"), step.call.path
    for kind in ("list_", "get"):
        for place, one in enumerate((getattr(step.expect, kind) or ()) if step.expect else ()):
            yield ("expect", kind.rstrip("_"), place, "path"), one.path


def _path(scenario: Scenario, where: Where, path: str) -> Iterator[Problem]:
    if not path.startswith("/"):
        yield where, f"a path begins with /, as in /v1/holds; this is {path}"
    made = {name for step in every_step(scenario) if step.call and step.call.method == "PUT"
            for name in PLACE.findall(step.call.path)}  # fmt: skip
    known = {"company", *companies_of(scenario), *scenario.credit_groups, *rate_types(scenario), *made}
    for name in PLACE.findall(path):
        if name not in known and not is_made(scenario, name):
            yield where, f"nothing is called {{{name}}}; there are {', '.join(sorted(known))} and what steps make"


def _expected(expect: Expect, where: Where) -> Iterator[Problem]:
    for name in expect.figures:
        if str(name).split(".")[0] not in FIGURES:
            yield (*where, "figures", name), rejects("figure", name, FIGURES)
    for kind in expect.event_counts or {}:
        if kind not in REGISTRY:
            yield (*where, "event_counts", kind), rejects("event type", kind, _near(kind))
    for place, one in enumerate(expect.events or ()):
        yield from _event(one, (*where, "events", place))


def _event(wanted: EventExpected, where: Where) -> Iterator[Problem]:
    if wanted.type not in REGISTRY:
        yield where, rejects("event type", wanted.type, _near(wanted.type))
        return
    for name in wanted.fields:
        if not way_is_known(REGISTRY[wanted.type], str(name)):
            yield (*where, "fields", name), f"{wanted.type} has no field {name}"


def _near(kind: str) -> set[str]:
    """Event types that begin alike."""
    begun = {one for one in REGISTRY if one.split(".")[0] == kind.split(".")[0]}
    return begun or set(REGISTRY)
