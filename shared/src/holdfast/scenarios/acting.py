"""Does what a step says: events of the ERP, checks, requests, jobs; commands are in `commanding`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from holdfast.contracts.base import Payload
from holdfast.scenarios import commanding, limiting
from holdfast.scenarios.asking import ask, in_body, in_path, made
from holdfast.scenarios.calls import Reply
from holdfast.scenarios.commands import EVENTS
from holdfast.scenarios.comparing import MISSING, dig
from holdfast.scenarios.events import payload_of
from holdfast.scenarios.names import HOLD
from holdfast.scenarios.play import Done, Play, Refused
from holdfast.scenarios.rehearsing import request_of
from holdfast.scenarios.steps import Step

Act = Callable[[Play, Step], Awaitable[Done]]
JOB_DUE = "UPDATE job SET due_at = to_timestamp(0) WHERE name = $1 RETURNING runs"
JOB_STATE = "SELECT runs > $2 AND due_at > now() AS done, last_error FROM job WHERE name = $1"
PAUSE_SECONDS = 0.02
ANSWERS = {"hold.order.cleared.v1": "cleared", "hold.order.held.v1": "held"}


async def act(play: Play, step: Step) -> Done:
    """Do it. Raises Refused and BadEvent for what no scenario can expect."""
    action = step.action
    if action is None:
        return Done()
    if action in EVENTS:
        return await _say(play, step, EVENTS[action], getattr(step, action))
    return await ACTS[action](play, step)


async def _event(play: Play, step: Step) -> Done:
    assert step.event is not None
    return await _say(play, step, step.event.type, step.event.body)


async def _say(play: Play, step: Step, kind: str, body: dict[str, Any]) -> Done:
    payload = await play.say(kind, body, step.times)
    company = getattr(payload, "company", None)
    done = await _answer(play, payload) if kind == EVENTS["request"] else Done()
    done.order, done.customer = getattr(payload, "order", None), getattr(payload, "customer", None)
    done.company = company and play.names.text(company)
    return done


async def _answer(play: Play, request: Payload) -> Done:
    """The event that answers a request over the bus, as the API would have answered."""
    asked = (getattr(request, "order", None), getattr(request, "attempt", None))
    for event in await play.published():
        if event.kind in ANSWERS and (event.fields.get("order"), event.fields.get("attempt")) == asked:
            said = {"checked": True, "outcome": ANSWERS[event.kind], "not_checked_because": None, "reasons": []}
            return made(play, Reply(200, said | event.fields, None))
    return Done()


async def _check(play: Play, step: Step) -> Done:
    check = step.check
    assert check is not None
    payload = payload_of(EVENTS["request"], request_of(check), play.setting)
    body = payload.model_dump(mode="json", exclude_none=True)
    path = "/v1/credit-checks/preview" if check.preview else "/v1/credit-checks"
    done = made(play, await ask(play, step, HOLD, "POST", path, body))
    done.order, done.customer, done.company = check.order, body["customer"], body["company"]
    return done


async def _limit_check(play: Play, step: Step) -> Done:
    check = step.limit_check
    assert check is not None
    company, customer = play.setting.payer(play.setting.party(check.customer, check.company))
    body = {"company": company, "customer": customer, "kind": check.kind, "amount": {
        "amount": str(check.amount), "currency": check.currency or play.setting.currency(company)}}  # fmt: skip
    return Done(await ask(play, step, HOLD, "POST", "/v1/limit-checks", body), customer=customer, company=company)


async def _call(play: Play, step: Step) -> Done:
    call = step.call
    assert call is not None
    path = await in_path(play, call.path)
    tag = await _newest(play, call.service, path) if call.if_match == "newest" else call.if_match
    if call.method == "GET":
        reply = await play.get(call.service, path, step.user)
    else:
        reply = await ask(play, step, call.service, call.method, path, in_body(play, call.body), etag=tag)
    for name, way in call.keep.items() if reply.ok else ():
        value = dig(reply.body, way)
        if value is None or value is MISSING:
            raise Refused(f"the answer has no {way} to keep as {name}")
        play.made[name] = str(value)
    return made(play, reply)


async def _newest(play: Play, service: str, path: str) -> str:
    """The version of a resource, or of the one that an action is about; "new" when there is none yet."""
    found = await play.get(service, path)
    if found.etag is None:
        found = await play.get(service, path.rsplit("/", 1)[0])
    return found.etag or "new"


async def _job(play: Play, step: Step) -> Done:
    for pool in play.stage.pools.values():
        before = await pool.fetchval(JOB_DUE, step.job)
        if before is not None:
            await _until_run(pool, step.job or "", before)
    await play.pause_jobs()
    return Done()


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
    steps = step.parallel or []
    return Done(together=await asyncio.gather(*(act(play, other) for other in steps)))


ACTS: dict[str, Act] = commanding.ACTS | limiting.ACTS | {
    "event": _event, "check": _check, "limit_check": _limit_check, "call": _call, "job": _job, "parallel": _parallel,
}  # fmt: skip
