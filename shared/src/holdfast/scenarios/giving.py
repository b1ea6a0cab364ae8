"""Sets up the facts of a scenario: through the ERP's topics and the services' APIs, as people and the ERP would."""

from __future__ import annotations

from asyncio import gather
from datetime import timedelta
from typing import Any

from holdfast.scenarios.calls import Reply
from holdfast.scenarios.facts import (
    AutomaticLimitFact,
    Body,
    CompanyFact,
    CustomerFact,
    Facts,
    GroupFact,
    PolicyFact,
    RuleFact,
)  # fmt: skip
from holdfast.scenarios.given import Given, documents, master_data
from holdfast.scenarios.journals import temporary_limit
from holdfast.scenarios.marked import Where
from holdfast.scenarios.names import CREDIT, HOLD, names
from holdfast.scenarios.play import Ask, Play
from holdfast.scenarios.setting import Party

LIMITS_BY_HAND = "allow_manual_limit_edit"
REASONS_BY_DEFAULT = ("cancel_reason", "modified_order_release_reason", "auto_release_reason")
"""Parameters of hold-service that name release reasons, which must be there before."""
ABOUT_THE_CHANGE = {"company", "sequence", "version", "changed_at", "changed_by"}
YEAR = timedelta(days=365)
MEANT: Body = {"confirm_unknown_customer": True}
"""Names are checked when a file is read; one whose master data has not come is meant."""
POLICY_TYPE = "GENERAL"
"""In every company there is such a policy type."""
UNTOUCHED = '"0"'
"""The version of what is there for each company before anybody has set it up."""


async def give(play: Play, facts: Facts) -> None:
    """Make everything there that the first step finds. Raises Refused and BadEvent, which lead to the fact.

    Workflows and a ban on typed limits come last: what is given needs no approval.
    """
    await _say(play, [*master_data(facts, play.setting)])
    await gather(*(_set_up(play, name, company) for name, company in facts.companies.items()))
    await gather(*(_profile(play, name, customer) for name, customer in facts.customers.items()))
    for name, group in facts.credit_groups.items():
        await _group(play, name, group)
    for name, company in facts.companies.items():
        await _close(play, name, company)
    await play.settle()
    if found := [*documents(facts, play.setting)]:
        await _say(play, found)


async def _say(play: Play, events: list[Given]) -> None:
    made = []
    for where, kind, body in events:
        play.where = where
        made.append(play.happening(kind, body))
    await play.tell(made)


async def _put(play: Play, where: Where, service: str, path: str, body: Body, tag: str = "new") -> None:
    """Make something that nobody has set up before."""
    reply = await play.send(service, "PUT", path, body, etag=tag)
    play.must(reply, ".".join(str(part) for part in where), where)


async def _set_up(play: Play, name: str, c: CompanyFact) -> None:
    """What either service keeps, then what may name it; one thing at a time in each service."""
    company, at = play.names.name(name), ("companies", name)
    await gather(_reasons(play, name, c), _credit_master_data(play, name, c))
    await _parameters(play, name, c.parameters | {LIMITS_BY_HAND: True})
    for kind, fact in c.checkpoints.items():
        path = f"/v1/checkpoints/{company}/{kind}"
        await _put(play, (*at, "checkpoints", kind), HOLD, path, fact.model_dump(), UNTOUCHED)
    for number, rule in enumerate(c.rules):
        reply = await play.send(HOLD, "POST", "/v1/rules", rule_body(play, name, rule))
        play.must(reply, f"the rule {rule.kind}", (*at, "rules", number))
        play.keep("rule", rule.name, rule.kind, reply.body["id"])
    for subject, ranks in c.rankings.model_dump().items():
        if ranks:
            path = f"/v1/rankings/{company}/{subject.replace('_', '-')}"
            await _put(play, (*at, "rankings", subject), HOLD, path, {"ranks": ranks}, UNTOUCHED)
    for number, limits in enumerate(c.automatic_limits):
        currency = limits.currency or c.currency
        path = f"/v1/automatic-limit-rules/{company}/{limits.risk_group}/{currency}"
        await _put(play, (*at, "automatic_limits", number), CREDIT, path, automatic_limit_body(limits, currency))


async def _reasons(play: Play, name: str, c: CompanyFact) -> None:
    by_default = {c.parameters[given] for given in REASONS_BY_DEFAULT if c.parameters.get(given)}
    for kind, named in (("hold", {*c.reasons.hold}), ("release", {*c.reasons.release} | by_default)):
        for reason in sorted(named):
            path = f"/v1/reasons/{play.names.name(name)}/{kind}/{reason}"
            await _put(play, ("companies", name, "reasons", kind), HOLD, path, {"description": reason})


async def _parameters(play: Play, name: str, parameters: Body) -> None:
    reply = await set_parameters(play, name, parameters)
    play.must(reply, "a parameter", ("companies", name, "parameters"))


async def _credit_master_data(play: Play, name: str, c: CompanyFact) -> None:
    company, at = play.names.name(name), ("companies", name)
    entries: dict[str, dict[str, Body]] = {
        "account-statuses": {status: fact.model_dump() for status, fact in c.account_statuses.items()},
        "policy-types": {POLICY_TYPE: {"description": "of policies that say no type"}},
        "credit-management-groups": {
            group: {"description": title} for group, title in c.credit_management_groups.items()
        },
    }
    for kind in entries | c.master_data:
        listed = entries.get(kind, {}) | c.master_data.get(kind, {})
        for code, body in listed.items():
            where: Where = (*at, "master_data", kind, code) if kind in c.master_data else (
                *at, kind.replace("-", "_"), code)  # fmt: skip
            await _put(play, where, CREDIT, f"/v1/master-data/{kind}/{company}/{code}", body)
    for kind, classes in (("scoring-groups", c.scoring_groups), ("risk-groups", c.risk_groups)):
        for code, body in classes.items():
            await _put(play, (*at, kind.replace("-", "_"), code), CREDIT, f"/v1/{kind}/{company}/{code}", body)


def automatic_limit_body(rule: AutomaticLimitFact, currency: str) -> Body:
    """A rule of automatic limits as the API takes it."""
    lines = [
        line.model_dump(mode="json") | {"comparison_value": str(line.comparison_value),
                                        "credit_limit": {"amount": str(line.credit_limit), "currency": currency}}
        for line in rule.lines
    ]  # fmt: skip
    most = None if rule.max_revenue is None else {"amount": str(rule.max_revenue), "currency": currency}
    return {"max_revenue": most, "choice": rule.choice, "lines": lines}


async def _close(play: Play, name: str, c: CompanyFact) -> None:
    if c.parameters.get(LIMITS_BY_HAND) is False:
        await _parameters(play, name, {LIMITS_BY_HAND: False})
    for number, workflow in enumerate(c.workflows):
        body = dict(workflow)
        service, kind = body.pop("service", HOLD), body.pop("type")
        path = f"/v1/workflows/{play.names.name(name)}/{kind}"
        await _put(play, ("companies", name, "workflows", number), service, path, body, UNTOUCHED)


async def set_parameters(play: Play, name: str, parameters: Body, ask: Ask | None = None) -> Reply:
    """Parameters by name, each at the service that keeps it; the others stay as they are. Ends with a refusal."""
    places: dict[tuple[str, str], Body] = {}
    for parameter, value in parameters.items():
        place = names().parameters.get(parameter, (HOLD, "parameters"))
        places.setdefault(place, {})[parameter] = value
    reply = Reply(200, {}, None)
    for (service, kind), chosen in places.items():
        path = f"/v1/{kind}/{play.names.name(name)}"
        known = await play.get(service, path)
        settings = known.body if known.ok and isinstance(known.body, dict) else {}
        kept = {k: v for k, v in settings.items() if k not in ABOUT_THE_CHANGE}
        reply = await (ask or play.send)(service, "PUT", path, kept | chosen, etag=known.etag or "new")
        if not reply.ok:
            break
    return reply


def rule_body(play: Play, company: str, rule: RuleFact) -> dict[str, Any]:
    """A rule as the API takes it."""
    fields = rule.model_dump(mode="json", exclude_none=True, exclude={"name"})
    named = fields.get("account_or_group")
    if named and rule.valid_for == "table":
        fields["account_or_group"] = play.setting.party(named)[1]
    return {"company": company, **fields}


FIELDS = {
    "expiry_date": "credit_limit_expiry_date", "mandatory": "mandatory_credit_limit", "unlimited": "unlimited_credit",
    "excluded": "exclude_from_credit_management", "account_status": "account_status",
    "credit_management_group": "credit_management_group", "hold_effect": "invoicing_delivery_on_hold",
    "next_review_date": "next_review_date",
}  # fmt: skip
"""What the file calls a field of the credit profile, and what the API calls it."""


def profile_body(play: Play, party: Party, given: Body, more: Body) -> Body:
    """Fields of a credit profile as the API takes them; an amount may be written without its currency."""
    company = play.setting.currency(party[0])
    meant = {"credit_limit": company, "eligible_credit_limit": company,
             "credit_limit_customer_currency": play.setting.invoiced_in.get(party, company)}  # fmt: skip
    body = {FIELDS[name]: value for name, value in given.items() if name in FIELDS and value is not None}
    if given.get("limit") is not None:
        body["credit_limit"] = {"amount": str(given["limit"]), "currency": given.get("limit_currency") or company}
    amounts = {
        name: {"amount": str(more[name]), "currency": currency}
        for name, currency in meant.items()
        if isinstance(more.get(name), int | float | str) and not isinstance(more[name], bool)
    }
    return body | more | amounts


OF_THE_PROFILE = (
    *FIELDS.values(), "credit_limit", "credit_limit_customer_currency", "ignore_until_date", "credit_rating",
    "status_reason", "eligible_credit_limit", "last_review_date", "with_agency", "title_held",
    "business_started_date", "customer_since_date", "collection_group", "notes",
)  # fmt: skip
"""What a change of a profile names anew."""


def profile_as_it_is(known: Body, changes: Body) -> Body:
    """The fields of a profile that a change leaves alone; a new limit or status brings along what follows from it."""
    gone = {"credit_limit_customer_currency"} if "credit_limit" in changes else set()
    gone |= {"invoicing_delivery_on_hold"} if "account_status" in changes else set()
    return {name: known[name] for name in OF_THE_PROFILE if known.get(name) is not None and name not in gone}


async def _profile(play: Play, name: str, c: CustomerFact) -> None:
    company, account = play.setting.party(name)
    at = ("customers", name)
    body = profile_body(play, (company, account), c.model_dump(mode="json", exclude={"currency"}), c.profile)
    party = f"{play.names.name(company)}/{account}"
    if body:
        body |= MEANT
        body.setdefault("credit_limit", {"amount": "0", "currency": play.setting.currency(company)})
        await _put(play, at, CREDIT, f"/v1/credit-profiles/{party}", body)
    for number, policy in enumerate(c.policies):
        reply = await play.send(CREDIT, "POST", "/v1/policies", policy_body(play, name, policy))
        play.must(reply, f"a policy of {name}", (*at, "policies", number))
        play.keep("policy", policy.name, policy.kind, reply.body["id"])
    for number, limit in enumerate(c.temporary_limits):
        await temporary_limit(play, {"company": company, "customer": account}, limit, (*at, "temporary_limits", number))
    for group, value in c.risk_values.items():
        path = f"/v1/customer-risks/{party}/values/{group}"
        await _put(play, (*at, "risk_values", group), CREDIT, path, {"value": value})
    for number, figure in enumerate(c.revenues):
        path = f"/v1/customer-revenues/{party}/{figure.period_end.isoformat()}"
        currency = figure.currency or play.setting.currency(company)
        body = {"revenue": {"amount": str(figure.revenue), "currency": currency}}
        await _put(play, (*at, "revenues", number), CREDIT, path, body)


def policy_body(play: Play, name: str | None, policy: PolicyFact) -> Body:
    """A policy as the API takes it; without dates it is valid a year back and a year on."""
    company, account = play.setting.party(name)
    fields = policy.model_dump(mode="json", exclude_none=True, exclude={"name", "customer"})
    currency = fields.pop("currency", play.setting.currency(company))
    fields.setdefault("type", POLICY_TYPE)
    fields.setdefault("effective_from", (play.setting.today - YEAR).isoformat())
    fields.setdefault("expires_on", (play.setting.today + YEAR).isoformat())
    return {"company": company, "customer": account, **fields, **MEANT, "value": {"amount": fields["value"],
            "currency": currency}}  # fmt: skip


async def _group(play: Play, name: str, fact: GroupFact) -> None:
    path, at = f"/v1/credit-groups/{play.names.name(name)}", ("credit_groups", name)
    body = {
        "owner_company": fact.owner_company or play.setting.company, "description": fact.description,
        "credit_limit": {"amount": str(fact.limit), "currency": fact.currency},
        "expiry_date": (fact.expiry_date or play.setting.today + YEAR).isoformat(),
        "check_member_overdue": fact.check_member_overdue,
    }  # fmt: skip
    await _put(play, at, CREDIT, path, body)
    for member in fact.members:
        company, account = play.setting.party(member)
        reply = await play.send(CREDIT, "POST", f"{path}/members", {"company": company, "customer": account})
        play.must(reply, f"the member {member} of {name}", (*at, "members"))
    for number, limit in enumerate(fact.temporary_limits):
        owner = {"company": body["owner_company"], "credit_group": name, "currency": fact.currency}
        await temporary_limit(play, owner, limit, (*at, "temporary_limits", number))
