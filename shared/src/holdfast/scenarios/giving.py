"""Sets up the facts of a scenario: through the ERP's topics and the services' APIs, as people and the ERP would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from holdfast.contracts.credit import ParametersChanged
from holdfast.scenarios.events import IN_FACTS
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
from holdfast.scenarios.journals import temporary_limit
from holdfast.scenarios.play import CREDIT, HOLD, Play
from holdfast.scenarios.steps import EVENTS

LIMITS_BY_HAND = "allow_manual_limit_edit"
REASONS_BY_DEFAULT = ("cancel_reason", "modified_order_release_reason", "auto_release_reason")
"""Parameters of hold-service that name release reasons, which must be there before."""
ABOUT_THE_CHANGE = {"company", "sequence", "version", "changed_at", "changed_by"}
CREDIT_PARAMETERS = set(ParametersChanged.model_fields) - ABOUT_THE_CHANGE | {
    LIMITS_BY_HAND, "eligible_limit_check", "require_identification", "identification_limit",
    "automatic_limits_scheduled", "automatic_limits_valid_days", "limit_expiry_notice_days",
    "policy_expiry_notice_days", "review_notice_days",
}  # fmt: skip
STATISTICS = {
    "dso_1", "dso_2", "average_balance_1", "average_balance_2", "average_credit_limit_pct", "average_exposure_pct",
    "statistics_for_zero_balance_customers", "keep_months",
}  # fmt: skip
YEAR = timedelta(days=365)
Events = list[tuple[str, Body]]


async def give(play: Play, facts: Facts) -> None:
    """Make everything there that the first step finds. Raises Refused, BadEvent.

    Workflows and a ban on typed limits come last: what is given needs no approval.
    """
    await play.say([*_master_data(play, facts)])
    for name, company in facts.companies.items():
        await _set_up(play, name, company)
    await play.settle()
    for name, customer in facts.customers.items():
        await _profile(play, name, customer)
    await play.settle()
    for name, group in facts.credit_groups.items():
        await _group(play, name, group)
    for name, company in facts.companies.items():
        await _close(play, name, company)
    await play.settle()
    await play.say(_documents(play, facts))


def _master_data(play: Play, facts: Facts) -> Events:
    found: Events = []
    for name, c in facts.companies.items():
        found.append((EVENTS["company"], {
            "company": name, "name": name, "currency": c.currency, "time_zone": c.time_zone,
            "exchange_rate_type": play.names.name(c.exchange_rate_type)}))  # fmt: skip
        found += [(EVENTS["terms"], {"company": name, "code": code, **body}) for code, body in c.terms.items()]
        if c.live:
            found.append((EVENTS["go_live"], {"company": name}))
    for r in facts.rates:
        since = (r.valid_from or play.setting.today - timedelta(days=3650)).isoformat()
        found.append((EVENTS["rate"], {
            "rate_type": play.names.name(r.rate_type), "from_currency": r.from_currency, "valid_from": since,
            "to_currency": r.to_currency, "rate": str(r.rate)}))  # fmt: skip
    return found + [_master(play, name, c) for name, c in facts.customers.items() if c.known]


def _master(play: Play, name: str, c: CustomerFact) -> tuple[str, dict[str, Any]]:
    company, _ = play.setting.party(name)
    body: dict[str, Any] = {
        "customer": name, "name": name, "currency": c.currency or play.setting.currencies[company],
        "payment_terms": c.payment_terms, "cash_discount": c.cash_discount,
        "customer_since": c.customer_since and c.customer_since.isoformat(),
        "business_started": c.business_started and c.business_started.isoformat(),
        "addresses": [{"country": c.country, "primary": True}] if c.country else None,
    }  # fmt: skip
    return EVENTS["customer"], {key: value for key, value in body.items() if value is not None}


async def _set_up(play: Play, name: str, c: CompanyFact) -> None:
    company = play.names.name(name)
    by_default = {c.parameters[name] for name in REASONS_BY_DEFAULT if c.parameters.get(name)}
    for kind, named in (("hold", {*c.reasons.hold}), ("release", {*c.reasons.release} | by_default)):
        for reason in sorted(named):
            path = f"/v1/reasons/{company}/{kind}/{reason}"
            await play.must(await play.put(HOLD, path, {"description": reason}), f"the {kind} reason {reason}")
    await set_parameters(play, name, c.parameters | {LIMITS_BY_HAND: True})
    for document, place in c.checkpoints.items():
        path = f"/v1/checkpoints/{company}/{document}"
        await play.must(await play.put(HOLD, path, place.model_dump()), f"the checkpoint {document}")
    for rule in c.rules:
        reply = await play.send(HOLD, "POST", "/v1/rules", rule_body(play, name, rule))
        await play.must(reply, f"the rule {rule.kind}")
    for subject, ranks in c.rankings.model_dump().items():
        if ranks:
            path = f"/v1/rankings/{company}/{subject.replace('_', '-')}"
            await play.must(await play.put(HOLD, path, {"ranks": ranks}), f"the ranking of {subject}")
    await _credit_master_data(play, company, c)


async def _credit_master_data(play: Play, company: str, c: CompanyFact) -> None:
    entries: dict[str, dict[str, Body]] = {
        "account-statuses": {status: fact.model_dump() for status, fact in c.account_statuses.items()},
        "credit-management-groups": {
            group: {"description": title} for group, title in c.credit_management_groups.items()
        },
    }
    for kind, listed in (entries | c.master_data).items():
        for code, body in listed.items():
            path = f"/v1/master-data/{kind}/{company}/{code}"
            await play.must(await play.put(CREDIT, path, body), f"{code} of {kind}")
    for kind, classes in (("scoring-groups", c.scoring_groups), ("risk-groups", c.risk_groups)):
        for code, body in classes.items():
            await play.must(await play.put(CREDIT, f"/v1/{kind}/{company}/{code}", body), f"{code} of {kind}")
    for rule in c.automatic_limits:
        currency = rule.currency or c.currency
        path = f"/v1/automatic-limit-rules/{company}/{rule.risk_group}/{currency}"
        reply = await play.put(CREDIT, path, automatic_limit_body(rule, currency))
        await play.must(reply, f"the automatic limits of {rule.risk_group} and {currency}")


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
        await set_parameters(play, name, {LIMITS_BY_HAND: False})
    for workflow in c.workflows:
        body = dict(workflow)
        service, kind = body.pop("service", HOLD), body.pop("type")
        reply = await play.put(service, f"/v1/workflows/{play.names.name(name)}/{kind}", body)
        await play.must(reply, f"the workflow {kind}")


async def set_parameters(play: Play, name: str, parameters: Body) -> None:
    """Parameters by name, each at the service that keeps it; the others stay as they are."""
    ours = {key: value for key, value in parameters.items() if key in CREDIT_PARAMETERS}
    counted = {key: value for key, value in parameters.items() if key in STATISTICS}
    theirs = {key: value for key, value in parameters.items() if key not in ours | counted}
    places = ((CREDIT, "credit-parameters", ours), (CREDIT, "statistics-parameters", counted),
              (HOLD, "parameters", theirs))  # fmt: skip
    for service, kind, chosen in places:
        if chosen:
            path = f"/v1/{kind}/{play.names.name(name)}"
            known = await play.get(service, path)
            settings = known.body if known.ok and isinstance(known.body, dict) else {}
            kept = {k: v for k, v in settings.items() if k not in ABOUT_THE_CHANGE}
            await play.must(await play.put(service, path, kept | chosen), f"a parameter of {service}")


def rule_body(play: Play, company: str, rule: RuleFact) -> dict[str, Any]:
    """A rule as the API takes it."""
    fields = rule.model_dump(mode="json", exclude_none=True)
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


def profile_body(play: Play, company: str, given: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Fields of a credit profile as the API takes them."""
    body = {FIELDS[name]: value for name, value in given.items() if name in FIELDS and value is not None}
    if given.get("limit") is not None:
        currency = given.get("limit_currency") or play.setting.currencies[company]
        body["credit_limit"] = {"amount": str(given["limit"]), "currency": currency}
    return body | more


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
    body = profile_body(play, company, c.model_dump(mode="json", exclude={"currency"}), c.profile)
    party = f"{play.names.name(company)}/{account}"
    if body:
        body.setdefault("credit_limit", {"amount": "0", "currency": play.setting.currencies[company]})
        await play.must(await play.put(CREDIT, f"/v1/credit-profiles/{party}", body), f"the profile of {name}")
    for policy in c.policies:
        reply = await play.send(CREDIT, "POST", "/v1/policies", policy_body(play, name, policy))
        await play.must(reply, f"a policy of {name}")
    for limit in c.temporary_limits:
        await temporary_limit(play, {"company": company, "customer": account}, limit)
    for scoring_group, value in c.risk_values.items():
        path = f"/v1/customer-risks/{party}/values/{scoring_group}"
        await play.must(await play.put(CREDIT, path, {"value": value}), f"the risk value {scoring_group} of {name}")
    for figure in c.revenues:
        path = f"/v1/customer-revenues/{party}/{figure.period_end.isoformat()}"
        currency = figure.currency or play.setting.currencies[company]
        body = {"revenue": {"amount": str(figure.revenue), "currency": currency}}
        await play.must(await play.put(CREDIT, path, body), f"a revenue of {name}")


def policy_body(play: Play, name: str | None, policy: PolicyFact) -> Body:
    """A policy as the API takes it; without dates it is valid a year back and a year on."""
    company, account = play.setting.party(name)
    fields = policy.model_dump(mode="json", exclude_none=True)
    currency = fields.pop("currency", play.setting.currencies[company])
    fields.setdefault("effective_from", (play.setting.today - YEAR).isoformat())
    fields.setdefault("expires_on", (play.setting.today + YEAR).isoformat())
    return {"company": company, "customer": account, **fields, "value": {"amount": fields["value"],
            "currency": currency}}  # fmt: skip


async def _group(play: Play, name: str, fact: GroupFact) -> None:
    path = f"/v1/credit-groups/{play.names.name(name)}"
    body = {
        "owner_company": fact.owner_company or play.setting.company, "description": fact.description,
        "credit_limit": {"amount": str(fact.limit), "currency": fact.currency},
        "expiry_date": (fact.expiry_date or play.setting.today + YEAR).isoformat(),
        "check_member_overdue": fact.check_member_overdue,
    }  # fmt: skip
    await play.must(await play.put(CREDIT, path, body), f"the credit group {name}")
    for member in fact.members:
        company, account = play.setting.party(member)
        reply = await play.send(CREDIT, "POST", f"{path}/members", {"company": company, "customer": account})
        await play.must(reply, f"the member {member} of {name}")
    for limit in fact.temporary_limits:
        await temporary_limit(play, {"company": body["owner_company"], "credit_group": name}, limit)


def _documents(play: Play, facts: Facts) -> Events:
    found: Events = []
    for name, customer in facts.customers.items():
        if customer.balance:
            kind = "invoice" if customer.balance > 0 else "payment"
            body = {"document": f"OPEN-{name}", "customer": name, "amount": str(abs(customer.balance))}
            found.append((EVENTS[kind], body))
    earlier = (play.setting.now - timedelta(days=1)).isoformat()
    for field, kind in IN_FACTS.items():
        more = {"created_at": earlier} if field == "orders" else {}
        found += [(EVENTS[kind], more | body) for body in getattr(facts, field)]
    return found
