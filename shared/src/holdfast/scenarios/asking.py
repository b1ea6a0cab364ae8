"""Requests of a step: under one key however often they come, with what the file calls the services' names."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from holdfast.scenarios.calls import Reply
from holdfast.scenarios.names import HOLD
from holdfast.scenarios.play import Done, Play
from holdfast.scenarios.steps import Step

PLACE = re.compile(r"\{([^{}/]+)\}")
UNKNOWN_HOLD = "H-000000"


async def ask(
    play: Play, step: Step, service: str, method: str, path: str, body: Any = None, *, etag: str | None = None
) -> Reply:
    """A request by the user of the step, as often as it says, under one idempotency key."""
    send = partial(play.send, service, method, path, body, user=step.user, etag=etag, key=str(uuid4()))
    reply = await send()
    for _ in range(step.times - 1):
        reply = await send()
    return reply


def place_of(play: Play, order: str, company: str | None = None, near: str | None = None) -> str:
    """The company of an order: the one that is named, the one the step was about, or the one that has it."""
    thing = ("order", order)
    close = play.setting.place_of(thing, near) if near is not None else None
    return company or close or play.setting.place_of(thing) or near or play.setting.company


async def newest_hold(play: Play, order: str, company: str) -> dict[str, Any] | None:
    """The newest hold of an order, if it has ever had one."""
    where = f"company={quote(play.path_of(company))}&order={quote(order)}&history=true&sort=-hold&limit=1"
    reply = play.must(await play.get(HOLD, f"/v1/holds?{where}"), f"the hold of order {order}")
    items = reply.body["items"]
    found: dict[str, Any] | None = items[0] if items else None
    return found


async def number_of_hold(play: Play, order: str, company: str | None = None) -> str:
    """The newest hold of an order; a number that nothing has when there is none."""
    hold = await newest_hold(play, order, place_of(play, order, company))
    return str(hold["hold"]) if hold else UNKNOWN_HOLD


async def in_path(play: Play, path: str) -> str:
    """A path as the services know it: `{company}`, other names of the scenario, `{hold:O-1}` for an order's hold,
    and what steps have made or kept."""
    for name in PLACE.findall(path):
        if name.startswith("hold:"):
            path = path.replace(f"{{{name}}}", await number_of_hold(play, name.removeprefix("hold:")))
        elif play.is_made(name):
            path = path.replace(f"{{{name}}}", play.number_of(name))
    return play.names.in_path(path, play.setting.company)


def in_body(play: Play, body: Any) -> Any:
    """A body with what steps have made or kept in the place of `{name}`."""
    if isinstance(body, dict):
        return {name: in_body(play, value) for name, value in body.items()}
    if isinstance(body, list):
        return [in_body(play, value) for value in body]
    if isinstance(body, str):
        return PLACE.sub(lambda found: play.made.get(found[1]) or found[0], body)
    return body


def made(play: Play, reply: Reply) -> Done:
    """Journals, approvals and decisions that an answer tells of are what later steps mean."""
    body = reply.body if reply.ok and isinstance(reply.body, dict) else {}
    if number := body.get("number") or body.get("made"):
        play.made["journal"] = str(number)
    if decision := body.get("decision"):
        play.made["decision"] = str(decision)
        play.made[f"decision:{body.get('order')}"] = str(decision)
    asked = [body["approval"]] if isinstance(body.get("approval"), dict) else body.get("approvals") or []
    if asked:
        play.made["approval"] = asked[0]["id"]
        play.made |= {f"approval:{n}": approval["id"] for n, approval in enumerate(asked, 1)}
    return Done(reply)
