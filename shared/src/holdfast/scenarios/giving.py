"""Sets up the facts of a scenario: through the ERP's topics and the services' APIs, as people and the ERP would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from holdfast.contracts.credit import ParametersChanged
from holdfast.scenarios.events import IN_FACTS
from holdfast.scenarios.facts import CompanyFact, CustomerFact, Facts, RuleFact
from holdfast.scenarios.play import Play
from holdfast.scenarios.steps import EVENTS

CREDIT, HOLD = "credit-service", "hold-service"
CREDIT_PARAMETERS = set(ParametersChanged.model_fields) - {"company", "sequence", "version", "changed_at", "changed_by"}
ONLY_CREDIT = {"allow_manual_limit_edit", "eligible_limit_check", "require_identification", "identification_limit"}
Events = list[tuple[str, dict[str, Any]]]


async def give(play: Play, facts: Facts) -> None:
    """Make everything there that the first step finds. Raises Refused, BadEvent."""
    await play.say([*_master_data(play, facts)])
    for name, company in facts.companies.items():
        await _set_up(play, name, company)
    await play.settle()
    for name, customer in facts.customers.items():
        await _profile(play, name, customer)
    await play.settle()
    for name, group in facts.credit_groups.items():
        await _group(play, name, group.model_dump(mode="json"))
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
    await set_parameters(play, name, c.parameters)
    for kind, named in (("hold", c.reasons.hold), ("release", c.reasons.release)):
        for reason in named:
            path = f"/v1/reasons/{company}/{kind}/{reason}"
            await play.must(await play.put(HOLD, path, {"description": reason}), f"the {kind} reason {reason}")
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
    for status, fact in c.account_statuses.items():
        path = f"/v1/account-statuses/{company}/{status}"
        await play.must(await play.put(CREDIT, path, fact.model_dump()), f"the account status {status}")
    for group, title in c.credit_management_groups.items():
        path = f"/v1/credit-management-groups/{company}/{group}"
        await play.must(await play.put(CREDIT, path, {"name": title}), f"the credit management group {group}")
    for workflow in c.workflows:
        body = dict(workflow)
        service, kind = body.pop("service", HOLD), body.pop("type")
        reply = await play.put(service, f"/v1/workflows/{company}/{kind}", body)
        await play.must(reply, f"the workflow {kind}")


async def set_parameters(play: Play, name: str, parameters: dict[str, Any]) -> None:
    """Parameters by name, each at the service that keeps it."""
    ours = {key: value for key, value in parameters.items() if key in CREDIT_PARAMETERS | ONLY_CREDIT}
    theirs = {key: value for key, value in parameters.items() if key not in ours}
    for service, chosen in ((CREDIT, ours), (HOLD, theirs)):
        if chosen:
            path = f"/v1/parameters/{play.names.name(name)}"
            known = await play.get(service, path)
            settings = known.body if known.ok and isinstance(known.body, dict) else {}
            kept = {k: v for k, v in settings.items() if k not in {"company", "version", "changed_at", "changed_by"}}
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


async def _profile(play: Play, name: str, c: CustomerFact) -> None:
    company, account = play.setting.party(name)
    body = profile_body(play, company, c.model_dump(mode="json", exclude={"currency"}), c.profile)
    party = f"{play.names.name(company)}/{account}"
    if body:
        body.setdefault("credit_limit", {"amount": "0", "currency": play.setting.currencies[company]})
        await play.must(await play.put(CREDIT, f"/v1/credit-profiles/{party}", body), f"the profile of {name}")
    for policy in c.policies:
        fields = policy.model_dump(mode="json", exclude_none=True)
        fields.setdefault("currency", play.setting.currencies[company])
        fields.setdefault("effective_from", (play.setting.today - timedelta(days=365)).isoformat())
        fields.setdefault("expires_on", (play.setting.today + timedelta(days=365)).isoformat())
        reply = await play.send(
            CREDIT, "POST", "/v1/credit-policies", {"company": company, "customer": account, **fields}
        )
        await play.must(reply, f"a policy of {name}")
    for limit in c.temporary_limits:
        fields = {"company": company, "customer": account, **limit.model_dump(mode="json")}
        await play.must(await play.send(CREDIT, "POST", "/v1/temporary-limits", fields), f"a temporary limit of {name}")
    for scoring_group, value in c.risk_values.items():
        path = f"/v1/risk-values/{party}/{scoring_group}"
        await play.must(await play.put(CREDIT, path, {"value": value}), f"the risk value {scoring_group} of {name}")


async def _group(play: Play, name: str, fact: dict[str, Any]) -> None:
    path = f"/v1/credit-groups/{play.names.name(name)}"
    members = [play.setting.party(member) for member in fact["members"]]
    body = {
        "description": fact["description"], "currency": fact["currency"],
        "credit_limit": {"amount": fact["limit"], "currency": fact["currency"]},
        "expiry_date": fact["expiry_date"] or (play.setting.today + timedelta(days=365)).isoformat(),
        "check_member_overdue": fact["check_member_overdue"],
        "members": [{"company": company, "customer": account} for company, account in members],
    }  # fmt: skip
    await play.must(await play.put(CREDIT, path, body), f"the credit group {name}")


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
