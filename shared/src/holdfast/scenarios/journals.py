"""Adjustment journals of credit-service, by which temporary limits come, and automatic ones."""

from __future__ import annotations

from holdfast.scenarios.calls import Reply
from holdfast.scenarios.facts import Body, TemporaryFact
from holdfast.scenarios.marked import Where
from holdfast.scenarios.names import CREDIT
from holdfast.scenarios.play import Ask, Play

JOURNALS = "/v1/adjustments"


async def temporary_limit(play: Play, owner: Body, limit: TemporaryFact, where: Where) -> None:
    """Give a customer or a credit group a temporary limit by a posted journal. Raises Refused, which leads there."""
    currency = owner.get("currency") or play.setting.currency(owner["company"])
    line = {name: value for name, value in owner.items() if name not in ("company", "currency")} | {
        "new_limit": {"amount": str(limit.amount), "currency": currency},
        "new_from_date": limit.from_date.isoformat(), "new_to_date": limit.to_date.isoformat(),
    }  # fmt: skip
    body = {"company": owner["company"], "type": "temporary_credit_limit", "description": "", "lines": [line]}
    made = play.must(await play.send(CREDIT, "POST", JOURNALS, body), "the journal of a temporary limit", where)
    play.must(await post(play, made.body["number"]), "posting a temporary limit", where)


async def post(play: Play, journal: str, body: Body | None = None, ask: Ask | None = None) -> Reply:
    """Post a journal in its newest version."""
    path = f"{JOURNALS}/{journal}"
    tag = (await play.get(CREDIT, path)).etag
    return await (ask or play.send)(CREDIT, "POST", f"{path}/post", body or {}, etag=tag)


async def read(play: Play, journal: str) -> Body:
    """A journal as the API shows it."""
    shown: Body = (play.must(await play.get(CREDIT, f"{JOURNALS}/{journal}"), f"journal {journal}")).body
    return shown


async def lines(play: Play, journal: str) -> list[Body]:
    """The first hundreds of its lines."""
    path = f"{JOURNALS}/{journal}/lines?limit=500"
    found: list[Body] = (play.must(await play.get(CREDIT, path), f"the lines of {journal}")).body["items"]
    return found
