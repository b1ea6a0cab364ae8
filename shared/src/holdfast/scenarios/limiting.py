"""Commands of a user about limits: profiles, policies, adjustment journals, tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from holdfast.scenarios import giving, journals
from holdfast.scenarios.asking import ask, in_body, made
from holdfast.scenarios.names import CREDIT
from holdfast.scenarios.play import Done, Play
from holdfast.scenarios.steps import Step

Act = Callable[[Play, Step], Awaitable[Done]]
OF_A_POLICY = {"company", "customer", "kind", "type", "coverage_type", "insurer_guarantor", "identification",
               "effective_from", "expires_on", "value", "update_credit_limit_pct", "included_in_exposure"}  # fmt: skip
"""What a change of a policy names anew."""


async def _edit_limit(play: Play, step: Step) -> Done:
    edit = step.edit_limit
    assert edit is not None
    company, customer = play.setting.party(edit.customer, edit.company)
    path = f"/v1/credit-profiles/{play.names.name(company)}/{customer}"
    given = edit.model_dump(mode="json") | {"limit_currency": edit.currency}
    changes = giving.profile_body(play, (company, customer), given, edit.body)
    known = await play.get(CREDIT, path)
    kept = giving.profile_as_it_is(known.body, changes) if known.ok else {}
    done = made(
        play, await ask(play, step, CREDIT, "PUT", path, kept | changes | giving.MEANT, etag=known.etag or "new")
    )
    done.customer, done.company = customer, company
    return done


async def _policy(play: Play, step: Step) -> Done:
    policy = step.policy
    assert policy is not None
    body = giving.policy_body(play, policy.customer, policy)
    done = made(play, await ask(play, step, CREDIT, "POST", "/v1/policies", body))
    if done.reply is not None and done.reply.ok:
        play.keep("policy", policy.name, policy.kind, done.reply.body["id"])
    done.customer, done.company = body["customer"], body["company"]
    return done


async def _change_policy(play: Play, step: Step) -> Done:
    given = step.change_policy or step.remove_policy
    assert given is not None
    path = f"/v1/policies/{play.number_of(f'policy:{given.policy}')}"
    known = play.must(await play.get(CREDIT, path), f"the policy {given.policy}")
    if step.remove_policy is not None:
        return made(play, await ask(play, step, CREDIT, "DELETE", path, etag=known.etag))
    body = {name: value for name, value in known.body.items() if name in OF_A_POLICY}
    currency = given.set.get("currency", known.body["value"]["currency"])
    changed = {name: value for name, value in given.set.items() if name != "currency"}
    if "value" in changed:
        changed["value"] = {"amount": str(changed["value"]), "currency": currency}
    return made(play, await ask(play, step, CREDIT, "PUT", path, body | changed, etag=known.etag))


async def _generate(play: Play, step: Step) -> Done:
    body = {"company": play.setting.company, **in_body(play, step.generate or {})}
    if isinstance(named := body.get("customers"), list):
        body["customers"] = [play.setting.party(str(name), body["company"])[1] for name in named]
    return made(play, await ask(play, step, CREDIT, "POST", f"{journals.JOURNALS}/generate", body))


async def _post(play: Play, step: Step) -> Done:
    body = in_body(play, dict(step.post or {}))
    number = body.pop("journal", None) or play.number_of("journal")
    return Done(await journals.post(play, str(number), body, partial(ask, play, step)))


async def _task(play: Play, step: Step) -> Done:
    task = step.task
    assert task is not None
    body = task.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    body["company"] = task.company or play.setting.company
    if task.customers is not None:
        body["customers"] = [play.setting.party(name, body["company"])[1] for name in task.customers]
    return made(play, await ask(play, step, CREDIT, "POST", f"/v1/tasks/{task.name}/runs", body))


ACTS: dict[str, Act] = {
    "edit_limit": _edit_limit, "policy": _policy, "change_policy": _change_policy, "remove_policy": _change_policy,
    "generate": _generate, "post": _post, "task": _task,
}  # fmt: skip
