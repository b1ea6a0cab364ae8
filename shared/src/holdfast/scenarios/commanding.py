"""Commands of a user about holds and rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from holdfast.scenarios import giving
from holdfast.scenarios.asking import ask, made, newest_hold, number_of_hold, place_of
from holdfast.scenarios.calls import Reply
from holdfast.scenarios.commands import OnAsked, OnHold, RuleStep
from holdfast.scenarios.facts import Body, Fact
from holdfast.scenarios.journals import JOURNALS
from holdfast.scenarios.names import CREDIT, HOLD
from holdfast.scenarios.play import Done, Play, Refused
from holdfast.scenarios.setting import morning_of
from holdfast.scenarios.steps import Step

Act = Callable[[Play, Step], Awaitable[Done]]
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 120
SAID = ("reason", "mode", "note")


def said(given: Fact, *names: str) -> Body:
    """The named fields that a step says something in."""
    return {name: value for name in names if (value := getattr(given, name, None)) is not None}


async def _on_hold(play: Play, step: Step) -> Done:
    action = step.action or ""
    given: OnHold = getattr(step, action)
    if given.order is None:
        return await _on_asked(play, step, action, given)
    company = place_of(play, given.order, given.company)
    hold = await newest_hold(play, given.order, company)
    if hold is None:
        raise Refused(f"order {given.order} has never been held")
    version = hold["version"] if given.version is None else given.version
    tag = "*" if version == "any" else f'"{version}"'
    path = f"/v1/holds/{hold['hold']}"
    method, where = ("PATCH", path) if action == "edit_hold" else ("POST", f"{path}/{action}")
    reply = await ask(play, step, HOLD, method, where, said(given, *SAID) | given.body, etag=tag)
    return Done(reply, order=given.order, customer=hold["customer"], company=company)


async def _on_asked(play: Play, step: Step, action: str, given: OnHold) -> Done:
    """What credit-service was asked to approve; a journal is submitted."""
    if action == "submit":
        path = f"{JOURNALS}/{play.number_of('journal')}/submit"
    else:
        number = given.approval if isinstance(given, OnAsked) else None
        name = "approval" if number is None else f"approval:{number}"
        path = f"/v1/approvals/{play.number_of(name)}/{action}"
    return made(play, await ask(play, step, CREDIT, "POST", path, said(given, "note") | given.body))


async def _force(play: Play, step: Step) -> Done:
    force = step.force
    assert force is not None
    parties = [play.setting.party(name, force.company) for name in force.customers]
    places = {company for company, _ in parties} | {place_of(play, order, force.company) for order in force.orders}
    if len(places) > 1:
        raise Refused(
            f"orders of one company are forced at once, not of {', '.join(sorted(places))}; make it two steps"
        )
    company = places.pop()
    body: Body = {"company": company, "orders": force.orders, "customers": [account for _, account in parties]}
    reply = await ask(play, step, HOLD, "POST", "/v1/forced-holds", body | said(force, "reason", "note"))
    return Done(reply, order=force.orders[0] if force.orders else None, company=company)


async def _bulk(play: Play, step: Step) -> Done:
    bulk = step.bulk
    assert bulk is not None
    holds = [{"hold": await number_of_hold(play, order, bulk.company)} for order in bulk.orders]
    body = {"action": bulk.action, "holds": holds} | said(bulk, *SAID)
    return Done(await ask(play, step, HOLD, "POST", "/v1/holds/bulk", body), order=bulk.orders[0])


async def _evaluate(play: Play, step: Step) -> Done:
    given = step.evaluate
    assert given is not None
    body: Body = {"company": given.company or play.setting.company}
    if given.customer is not None:
        body["company"], body["customer"] = play.setting.party(given.customer, given.company)
    if given.orders:
        body = {"holds": [await number_of_hold(play, order, given.company) for order in given.orders]}
    reply = await ask(play, step, HOLD, "POST", "/v1/holds/evaluate", body)
    return Done(reply, order=given.orders[0] if given.orders else None, customer=body.get("customer"))


async def _setup(play: Play, step: Step) -> Done:
    setup = step.setup
    assert setup is not None
    company = setup.company or play.setting.company
    send = partial(ask, play, step)
    reply = await giving.set_parameters(play, company, setup.parameters, send)
    for document, place in setup.checkpoints.items():
        if reply.ok:
            path = f"/v1/checkpoints/{play.names.name(company)}/{document}"
            tag = (await play.get(HOLD, path)).etag or "new"
            reply = await send(HOLD, "PUT", path, place.model_dump(), etag=tag)
    if setup.rule is not None and reply.ok:
        reply = await send(HOLD, "POST", "/v1/rules", giving.rule_body(play, company, setup.rule))
        if reply.ok:
            play.keep("rule", setup.rule.name, setup.rule.kind, reply.body["id"])
    return Done(reply, company=company)


async def _change_rule(play: Play, step: Step) -> Done:
    given: RuleStep | None = step.change_rule or step.remove_rule
    assert given is not None
    path = f"/v1/rules/{play.number_of(f'rule:{given.rule}')}"
    known = play.must(await play.get(HOLD, path), f"the rule {given.rule}")
    if step.remove_rule is not None:
        return Done(await ask(play, step, HOLD, "DELETE", path, etag=known.etag))
    body = {name: value for name, value in known.body.items() if name not in ("id", "version", "name")}
    changed = {name: str(value) if type(value) is int else value for name, value in given.set.items()}
    return Done(await ask(play, step, HOLD, "PUT", path, body | changed, etag=known.etag))


async def _what_if(play: Play, step: Step) -> Done:
    given = step.what_if
    assert given is not None
    company = given.company or play.setting.company
    body = {
        "company": company, "rules": [giving.rule_body(play, company, rule) for rule in given.rules],
        "since": _instant(given.since or morning_of(play.first_day) - timedelta(days=1)).isoformat(),
        "until": _instant(given.until or play.setting.now).isoformat(),
    }  # fmt: skip
    reply = await ask(play, step, HOLD, "POST", "/v1/what-if", body)
    if not reply.ok:
        return Done(reply)
    play.made["what_if"] = reply.body["run"]
    return Done(await _finished(play, f"/v1/what-if/{reply.body['run']}"), company=company)


def _instant(value: datetime | date) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(0), UTC)


async def _finished(play: Play, path: str) -> Reply:
    """Wait for a run. Raises Refused when it takes too long."""

    async def done() -> Reply:
        while True:
            shown = play.must(await play.get(HOLD, path), "the what-if run")
            if shown.body["state"] in ("done", "failed"):
                return shown
            await asyncio.sleep(PAUSE_SECONDS)

    try:
        return await asyncio.wait_for(done(), PATIENCE_SECONDS)
    except TimeoutError:
        raise Refused(f"the what-if run did not end within {PATIENCE_SECONDS} s") from None


ON_HOLD: dict[str, Act] = dict.fromkeys(
    ("release", "reject", "submit", "recall", "approve", "deny", "edit_hold"), _on_hold
)  # fmt: skip
ACTS: dict[str, Act] = ON_HOLD | {
    "force": _force, "bulk": _bulk, "evaluate": _evaluate, "setup": _setup, "change_rule": _change_rule,
    "remove_rule": _change_rule, "what_if": _what_if,
}  # fmt: skip
