"""Walks every route of a running API: exactly the permission that its document names opens it, and companies that are
not in the token do not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from holdfast.platform.settings import Settings
from holdfast.web.auth import PERMISSIONS, ROLES, issue_token

OPEN = frozenset({"/livez", "/readyz", "/metrics"})
"""Routes that need no token."""
NOWHERE = "ZZ99"
"""A company that nothing belongs to."""
ABSENT = frozenset({404, 422})
"""What a route answers for a company that is not the caller's: no such thing, or what the request names is not."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A route and how to call it: `path` names things that exist. All `permissions` together open it."""

    name: str
    method: str
    path: str
    permissions: frozenset[str]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


def operations(document: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[Operation]:
    """Every route of an OpenAPI document; `places` replaces the beginning of paths, such as
    "/v1/rules/{rule_id}", and single parameters, such as "{company}", by what exists."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path not in OPEN:
                body = _body(document, operation)
                needed = [p for p in operation.get("parameters", ()) if p["in"] == "query" and p.get("required")]
                yield Operation(
                    f"{method.upper()} {path}", method.upper(), _filled(path, places),
                    _permissions(operation, body), {p["name"]: places[f"{{{p['name']}}}"] for p in needed}, body,
                )  # fmt: skip


def _filled(path: str, places: Mapping[str, str]) -> str:
    for beginning in sorted(places, key=len, reverse=True):
        path = path.replace(beginning, places[beginning])
    return path


def _permissions(operation: Mapping[str, Any], body: Any) -> frozenset[str]:
    """What the document names: for the route, and for the action of its body where that says more."""
    by_action = operation.get("x-permission-by-action", {})
    named = [operation.get("x-permission"), *operation.get("x-permission-beside", ())]
    named.append(by_action.get(body.get("action")) if by_action else None)
    return frozenset(name for name in named if name is not None)


def _body(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    found = content["application/json"]
    name = found["schema"].get("$ref", "").rpartition("/")[2]
    examples = document["components"]["schemas"].get(name, {}).get("examples") or [{}]
    return found.get("example", examples[0])


@dataclass(slots=True)
class Walk:
    """Calls the routes of an API through `client` (an httpx.AsyncClient without a token) with tokens of every kind, and
    notes what is wrong in sentences."""

    client: Any
    settings: Settings
    faults: list[str] = field(default_factory=list)
    calls: int = 0

    async def call(self, operation: Operation, roles: list[str] | None, companies: tuple[str, ...] = ("*",)) -> Any:
        """One call with a token of these roles or permissions; None sends no token."""
        headers = {"idempotency-key": str(uuid4()), "if-match": '"999999"'}
        if roles is not None:
            headers["authorization"] = f"Bearer {issue_token(self.settings, 'walker', roles, companies)}"
        self.calls += 1
        return await self.client.request(
            operation.method, operation.path, params=operation.params, headers=headers,
            json=operation.body,
        )  # fmt: skip

    async def all(self, document: Mapping[str, Any], places: Mapping[str, str]) -> None:
        """Every route with everything."""
        for operation in operations(document, places):
            if not operation.permissions:
                self.faults.append(f"{operation.name} declares no permission")
                continue
            await self.companies(operation)
            await self.permissions(operation)

    async def permissions(self, operation: Operation) -> None:
        """No token: 401. Every single permission and every role: 403, but for those that grant the documented one."""
        if (status := (await self.call(operation, None)).status_code) != 401:
            self.faults.append(f"{operation.name} answers {status} without a token")
        granted = {name: operation.permissions <= {name} for name in PERMISSIONS}
        granted |= {role: operation.permissions <= held for role, held in ROLES.items()}
        for name, opens in sorted(granted.items()):
            answer = await self.call(operation, [name], ("DE01",))
            if (answer.status_code == 403) == opens or answer.status_code >= 500:
                self.faults.append(f"{operation.name} answers {answer.status_code} to {name}")

    async def companies(self, operation: Operation) -> None:
        """With the company in the token a GET finds what is there; without it nothing is there, and nothing is done."""
        exactly = sorted(operation.permissions)
        if operation.method == "GET":
            own = await self.call(operation, exactly, ("DE01",))
            if own.status_code != 200:
                self.faults.append(f"{operation.name} answers {own.status_code} at {operation.path}: {own.text[:200]}")
        other = await self.call(operation, exactly, (NOWHERE,))
        if other.status_code in ABSENT:
            return
        listed = operation.method == "GET" or other.json().get("succeeded") == 0
        if not (other.status_code == 200 and listed and "DE01" not in other.text):
            self.faults.append(f"{operation.name} answers {other.status_code} to another company: {other.text[:200]}")
