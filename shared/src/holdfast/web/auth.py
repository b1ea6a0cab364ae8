"""Who calls, what they may do, and for which companies. No route but health answers without a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.security import HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    UnsupportedAlgorithmError,
)  # fmt: skip

from holdfast.platform.clock import utc_now
from holdfast.platform.settings import Settings
from holdfast.web.keys import KeysUnavailable, local_key, verification_keys
from holdfast.web.problems import Problem, unavailable

SEE = frozenset({"credit:see", "holds:see", "rules:see", "approvals:see"})
WORK = SEE | {"checks:make", "holds:edit", "holds:release", "holds:reject", "holds:force", "journals:edit"}
APPROVE = WORK | {
    "limits:edit", "limits:import", "journals:post", "approvals:decide", "groups:maintain", "policies:maintain",
    "audit:see",
}  # fmt: skip
ADMINISTER = APPROVE | {
    "rules:maintain",
    "workflows:maintain",
    "parameters:maintain",
    "master-data:maintain",
    "tasks:run",
}
ROLES: Final[dict[str, frozenset[str]]] = {
    "see": SEE,
    "work": WORK,
    "approve": APPROVE,
    "administer": ADMINISTER | {"risk:maintain", "automatic-limits:maintain", "tasks:run"},
    "ingest": frozenset({"events:write"}),
}
PERMISSIONS = frozenset().union(*ROLES.values())
ALL: Final[frozenset[str]] = frozenset({"*"})
"""All companies."""
LEEWAY_SECONDS = 30
REMEMBERED = 10_000
LIFETIME = timedelta(hours=12)
FAULTS: dict[type[Exception], str] = {
    ExpiredTokenError: "it has expired",
    BadSignatureError: "its signature does not fit the key",
    InvalidKeyIdError: "it names a key that is not known here",
    UnsupportedAlgorithmError: "it is signed in a way that is not taken here",
}
BEARER = HTTPBearer(auto_error=False, description="Token of the identity provider, or of `holdfast token`")


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token: subject, permissions and companies."""

    subject: str
    permissions: frozenset[str]
    companies: frozenset[str]

    def sees(self, company: str) -> bool:
        """Whether the company exists for this caller."""
        return self.companies is ALL or company in self.companies

    def company_filter(self) -> list[str] | None:
        """The companies for a query; None stands for all."""
        return None if self.companies is ALL else sorted(self.companies)


def issue_token(
    settings: Settings,
    subject: str,
    roles: Iterable[str],
    companies: Iterable[str] = ("*",),
    lifetime: timedelta = LIFETIME,
) -> str:
    """Sign a token with the local key. Raises ValueError for a role that does not exist."""
    chosen = list(roles)
    for role in chosen:
        if role not in ROLES and role not in PERMISSIONS:
            raise ValueError(f"There is no role {role!r}: choose from {', '.join(ROLES)}, or name a permission.")
    now = utc_now()
    claims = {
        "iss": settings.token_issuer, "aud": settings.token_audience, "sub": subject, "roles": chosen,
        "companies": list(companies), "iat": int(now.timestamp()), "exp": int((now + lifetime).timestamp()),
    }  # fmt: skip
    return jwt.encode({"alg": "ES256"}, claims, local_key(settings.key_file))


class Verifier:
    """Verifies tokens, and remembers the verified ones until they expire."""

    def __init__(self, settings: Settings) -> None:
        self._keys = verification_keys(settings)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(utc_now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.token_issuer},
            aud={"essential": True, "value": settings.token_audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._known: dict[str, tuple[Caller, float]] = {}

    async def verify(self, token: str) -> Caller:
        """The caller of a token. Raises Problem 401, or 503 when the provider's keys cannot be had."""
        known = self._known.get(token)
        if known is not None and known[1] > utc_now().timestamp():
            return known[0]
        caller, expires = await self._read(token)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token] = (caller, expires)
        return caller

    async def _read(self, token: str) -> tuple[Caller, float]:
        try:
            keys = await self._keys.find(_kid_of(token))
        except KeysUnavailable:
            raise unavailable("The identity provider's keys cannot be fetched.") from None
        try:
            claims = jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise unauthorized(f"The token is not valid: {_why(error)}. Get a new one.") from None
        return _caller(claims), float(claims["exp"])


def _why(error: Exception) -> str:
    if isinstance(error, ClaimError) and not isinstance(error, ExpiredTokenError):
        return f"what it says of {error.claim!r} is missing or not what is asked for here"
    return next((words for kind, words in FAULTS.items() if isinstance(error, kind)), "it is no signed token (JWT)")


def _kid_of(token: str) -> str | None:
    """The key that a token names; it is not verified yet."""
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return None
    return kid if isinstance(kid, str) else None


def _caller(claims: dict[str, Any]) -> Caller:
    named = [*_names(claims.get("roles")), *_names(claims.get("permissions"))]
    granted = frozenset[str]().union(*(ROLES.get(name, frozenset({name})) for name in named))
    companies = frozenset(_names(claims.get("companies")))
    return Caller(str(claims["sub"]), granted, ALL if "*" in companies else companies)


def _names(claim: Any) -> list[str]:
    return [str(name) for name in claim] if isinstance(claim, list) else []


def unauthorized(detail: str) -> Problem:
    """No token, or one that is not valid."""
    return Problem(401, "unauthorized", "Who are you", detail, headers={"www-authenticate": "Bearer"})


async def caller_of(request: Request) -> Caller:
    """The caller of a request. Raises Problem 401."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Send the header `Authorization: Bearer TOKEN`; `holdfast token` prints one.")
    verifier: Verifier = request.app.state.verifier
    return await verifier.verify(token.strip())


async def permitted(request: Request, permission: str) -> Caller:
    """The caller, when the token grants `permission`. Raises Problem 401 or 403."""
    caller = await caller_of(request)
    if permission not in caller.permissions:
        raise Problem(403, "forbidden", "You may not do this", f"This needs the permission {permission}.")
    return caller


def require(permission: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, when the token grants `permission`; else 401 or 403."""
    if permission not in PERMISSIONS:
        raise ValueError(f"no role grants {permission}")

    async def allowed(request: Request) -> Caller:
        return await permitted(request, permission)

    allowed.__dict__["permission"] = permission
    return allowed


def install(app: FastAPI, settings: Settings) -> None:
    """Give the application its verifier."""
    app.state.verifier = Verifier(settings)
