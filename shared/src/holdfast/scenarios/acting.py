"""Does what a step says: events of the ERP, checks, commands of a user."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg

from holdfast.scenarios import giving, journals
from holdfast.scenarios.calls import Reply
from holdfast.scenarios.events import payload_of
from holdfast.scenarios.play import CREDIT, HOLD, Done, Play, Refused
from holdfast.scenarios.steps import EVENTS, OnHold, ReleaseStep, Step

Act = Callable[[Play, Step], Awaitable[Done]]
JOB_DUE = "UPDATE job SET due_at = to_timestamp(0) WHERE name = $1 RETURNING runs"
JOB_STATE = "SELECT runs > $2 AND due_at > now() AS done, last_error FROM job WHERE name = $1"
PAUSE_SECONDS = 0.02
HOLD_OF = re.compile(r"\{hold:([^{}]+)\}")
UNKNOWN_HOLD = "H-000000"


async def act(play: Play, step: Step) -> Done:
    """Do it. Raises Refused and BadEvent for what no scenario can expect."""
    action = step.action
    if action is None:
        return Done()
    if action in EVENTS:
        body = getattr(step, action)
        await play.say([(EVENTS[action], body)], step.times)
        return Done(order=body.get("order"), customer=body.get("customer"))
    return await ACTS[action](play, step)


async def _event(play: Play, step: Step) -> Done:
    assert step.event is not None
    await play.say([(step.event.type, step.event.body)], step.times)
    return Done(order=step.event.body.get("order"), customer=step.event.body.get("customer"))


async def _check(play: Play, step: Step) -> Done:
    check = step.check
    assert check is not None
    given = check.model_dump(mode="json", exclude={"more"}, exclude_none=True) | check.more
    payload = payload_of(EVENTS["request"], given, play.setting)
    body = payload.model_dump(mode="json", exclude_none=True)
    key = str(uuid4())
    for _ in range(step.times):
        reply = await play.send(HOLD, "POST", "/v1/credit-checks", body, user=step.user, key=key)
    return Done(reply, order=check.order, customer=body["customer"], company=body["company"])


async def _limit_check(play: Play, step: Step) -> Done:
    check = step.limit_check
    assert check is not None
    company, customer = play.setting.party(check.customer, check.company)
    body = {"company": company, "customer": customer, "kind": check.kind, "amount": {
        "amount": str(check.amount), "currency": check.currency or play.setting.currencies[company]}}  # fmt: skip
    reply = await play.send(HOLD, "POST", "/v1/limit-checks", body, user=step.user)
    return Done(reply, customer=customer, company=company)


async def newest_hold(play: Play, order: str, company: str | None = None) -> dict[str, Any] | None:
    """The newest hold of an order, if it has ever had one."""
    where = f"company={quote(play.path_of(company))}&order={quote(order)}&history=true&sort=-hold&limit=1"
    reply = await play.must(await play.get(HOLD, f"/v1/holds?{where}"), f"the hold of order {order or '(not named)'}")
    items = reply.body["items"]
    found: dict[str, Any] | None = items[0] if items else None
    return found


async def in_path(play: Play, path: str) -> str:
    """A path as the services know it: `{company}`, other names of the scenario, `{hold:O-1}` for an order's hold,
    `{journal}` and `{approval}` for what was made last."""
    for order in HOLD_OF.findall(path):
        hold = await newest_hold(play, order)
        path = path.replace(f"{{hold:{order}}}", hold["hold"] if hold else UNKNOWN_HOLD)
    for name, value in play.made.items():
        path = path.replace(f"{{{name}}}", value)
    return play.names.in_path(path, play.setting.company)


async def _on_hold(play: Play, step: Step) -> Done:
    action = step.action or ""
    given: OnHold = getattr(step, action)
    hold = await newest_hold(play, given.order, given.company)
    if hold is None:
        raise Refused(f"order {given.order} has never been held")
    body: dict[str, Any] = dict(given.body)
    if isinstance(given, ReleaseStep):
        body |= {key: value for key in ("reason", "mode", "note") if (value := getattr(given, key)) is not None}
    version = hold["version"] if given.version is None else given.version
    tag = "*" if version == "any" else f'"{version}"'
    path = f"/v1/holds/{hold['hold']}"
    method, where = ("PATCH", path) if action == "edit_hold" else ("POST", f"{path}/{action}")
    reply = await play.send(HOLD, method, where, body, user=step.user, etag=tag)
    return Done(reply, order=given.order, customer=hold["customer"], company=hold["company"])


async def _force(play: Play, step: Step) -> Done:
    force = step.force
    assert force is not None
    body: dict[str, Any] = {"company": force.company or play.setting.company, "orders": force.orders}
    body["customers"] = [play.setting.party(name)[1] for name in force.customers]
    body |= {key: value for key in ("reason", "note") if (value := getattr(force, key)) is not None}
    reply = await play.send(HOLD, "POST", "/v1/forced-holds", body, user=step.user)
    return Done(reply, order=force.orders[0] if force.orders else None)


async def _numbers(play: Play, orders: list[str], company: str | None) -> list[str]:
    holds = [await newest_hold(play, order, company) for order in orders]
    return [hold["hold"] if hold else UNKNOWN_HOLD for hold in holds]


async def _bulk(play: Play, step: Step) -> Done:
    bulk = step.bulk
    assert bulk is not None
    body: dict[str, Any] = {"action": bulk.action}
    body["holds"] = [{"hold": hold} for hold in await _numbers(play, bulk.orders, bulk.company)]
    body |= {key: value for key in ("reason", "mode") if (value := getattr(bulk, key)) is not None}
    return Done(await play.send(HOLD, "POST", "/v1/holds/bulk", body, user=step.user), order=bulk.orders[0])


async def _evaluate(play: Play, step: Step) -> Done:
    given = step.evaluate
    assert given is not None
    body: dict[str, Any] = {"company": given.company or play.setting.company}
    if given.customer is not None:
        body["company"], body["customer"] = play.setting.party(given.customer, given.company)
    if given.orders:
        body = {"holds": await _numbers(play, given.orders, given.company)}
    return Done(await play.send(HOLD, "POST", "/v1/holds/evaluate", body, user=step.user), customer=given.customer)


async def _edit_limit(play: Play, step: Step) -> Done:
    edit = step.edit_limit
    assert edit is not None
    company, customer = play.setting.party(edit.customer)
    path = f"/v1/credit-profiles/{play.names.name(company)}/{customer}"
    given = edit.model_dump(mode="json") | {"limit_currency": edit.currency}
    changes = giving.profile_body(play, company, given, edit.body)
    known = await play.get(CREDIT, path)
    kept = giving.profile_as_it_is(known.body, changes) if known.ok else {}
    reply = await play.put(CREDIT, path, kept | changes, step.user)
    return Done(reply, customer=customer, company=company)


async def _setup(play: Play, step: Step) -> Done:
    setup = step.setup
    assert setup is not None
    company = setup.company or play.setting.company
    await giving.set_parameters(play, company, setup.parameters)
    reply: Reply | None = None
    for document, place in setup.checkpoints.items():
        path = f"/v1/checkpoints/{play.names.name(company)}/{document}"
        reply = await play.put(HOLD, path, place.model_dump(), step.user)
    if setup.rule is not None:
        body = giving.rule_body(play, company, setup.rule)
        reply = await play.send(HOLD, "POST", "/v1/rules", body, user=step.user)
    return Done(reply, company=company)


async def _generate(play: Play, step: Step) -> Done:
    body = {"company": play.setting.company, **(step.generate or {})}
    return _made(play, await play.send(CREDIT, "POST", f"{journals.JOURNALS}/generate", body, user=step.user))


async def _post(play: Play, step: Step) -> Done:
    body = dict(step.post or {})
    number = body.pop("journal", None) or play.made.get("journal")
    if number is None:
        raise Refused("no step before this one has made a journal")
    return Done(await journals.post(play, number, body, step.user))


async def _task(play: Play, step: Step) -> Done:
    task = step.task
    assert task is not None
    body = task.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    body["company"] = task.company or play.setting.company
    if task.customers is not None:
        body["customers"] = [play.setting.party(name)[1] for name in task.customers]
    return _made(play, await play.send(CREDIT, "POST", f"/v1/tasks/{task.name}/runs", body, user=step.user))


def _made(play: Play, reply: Reply) -> Done:
    """Journals and approvals that an answer tells of are what later paths mean."""
    body = reply.body if reply.ok and isinstance(reply.body, dict) else {}
    if number := body.get("number") or body.get("made"):
        play.made["journal"] = number
    asked = [body["approval"]] if isinstance(body.get("approval"), dict) else body.get("approvals") or []
    if asked:
        play.made["approval"] = asked[0]["id"]
        play.made |= {f"approval:{n}": approval["id"] for n, approval in enumerate(asked, 1)}
    return Done(reply)


async def _call(play: Play, step: Step) -> Done:
    call = step.call
    assert call is not None
    path = await in_path(play, call.path)
    if call.method == "GET":
        return Done(await play.get(call.service, path, step.user))
    if call.if_match == "newest" and call.method == "PUT":
        return _made(play, await play.put(call.service, path, call.body, step.user))
    tag = (await play.get(call.service, path)).etag if call.if_match == "newest" else call.if_match
    return _made(play, await play.send(call.service, call.method, path, call.body, user=step.user, etag=tag))


async def _job(play: Play, step: Step) -> Done:
    for pool in play.stage.pools.values():
        before = await pool.fetchval(JOB_DUE, step.job)
        if before is not None:
            await _until_run(pool, step.job or "", before)
            await play.pause_jobs()
            return Done()
    raise Refused(f"no service has a job {step.job}")


async def _until_run(pool: asyncpg.Pool, job: str, before: int) -> None:
    """Wait until it has run to its end. Raises Refused when it failed."""
    while True:
        done, error = await pool.fetchrow(JOB_STATE, job, before) or (False, None)
        if error is not None:
            raise Refused(f"the job {job} failed: {error}")
        if done:
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def _parallel(play: Play, step: Step) -> Done:
    done = await asyncio.gather(*(act(play, other) for other in step.parallel or ()))
    return Done(replies=[one.reply for one in done if one.reply is not None])


ON_HOLD: dict[str, Act] = dict.fromkeys(
    ("release", "reject", "submit", "recall", "approve", "deny", "edit_hold"), _on_hold
)  # fmt: skip
ACTS: dict[str, Act] = ON_HOLD | {
    "event": _event, "check": _check, "limit_check": _limit_check, "force": _force, "bulk": _bulk,
    "evaluate": _evaluate, "edit_limit": _edit_limit, "setup": _setup, "generate": _generate, "post": _post,
    "task": _task, "call": _call, "job": _job, "parallel": _parallel,
}  # fmt: skip
