"""Keys of an identity provider over HTTP: fetched beside the requests, and again when they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey

from holdfast.platform.clock import utc_now
from holdfast.platform.settings import Settings, load_settings
from holdfast.testing.http import serving
from holdfast.testing.waiting import eventually
from holdfast.web import keys
from holdfast.web.auth import Verifier
from holdfast.web.problems import Problem


@dataclass
class Provider:
    """An identity provider; `gate` lets its answers through."""

    settings: Settings
    held: list[ECKey] = field(default_factory=list)
    asked: int = 0
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def rotate(self) -> None:
        """A new key in place of the old one."""
        self.held = [ECKey.generate_key("P-256", {"kid": f"key-{self.asked}-{len(self.held)}"})]

    async def answer(self) -> JSONResponse:
        """The JWKS route."""
        self.asked += 1
        await self.gate.wait()
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.held]}, self.status)

    def token(self, subject: str = "kim", key: ECKey | None = None) -> str:
        """Signed with the newest key, or with `key`."""
        used = key or self.held[-1]
        claims = {
            "iss": self.settings.token_issuer, "aud": self.settings.token_audience, "sub": subject,
            "roles": ["see"], "companies": ["*"], "exp": int((utc_now() + timedelta(hours=1)).timestamp()),
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": used.kid}, claims, used)


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    app, made = FastAPI(), Provider(load_settings(data_dir=tmp_path))
    app.get("/jwks")(made.answer)
    async with serving(app) as address:
        made.settings = load_settings(data_dir=tmp_path, jwks_url=f"{address}/jwks")
        made.rotate()
        yield made
        made.gate.set()


async def test_requests_wait_for_the_first_keys_together_and_block_nobody(provider: Provider) -> None:
    verifier = Verifier(provider.settings)
    waiting = [asyncio.create_task(verifier.verify(provider.token(f"user-{n}"))) for n in range(20)]
    await eventually(lambda: provider.asked == 1)
    assert not any(task.done() for task in waiting)
    provider.gate.set()
    callers = await asyncio.gather(*waiting)
    assert [caller.subject for caller in callers] == [f"user-{n}" for n in range(20)]
    assert provider.asked == 1


async def test_without_any_key_the_answer_is_503_and_the_provider_is_not_asked_each_time(provider: Provider) -> None:
    provider.status = 500
    provider.gate.set()
    verifier = Verifier(provider.settings)
    for _ in range(5):
        with pytest.raises(Problem) as caught:
            await verifier.verify(provider.token())
        assert caught.value.status == 503
    assert provider.asked == 1


async def test_a_new_key_is_fetched_at_once_and_made_up_ones_seldom(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.gate.set()
    verifier = Verifier(provider.settings)
    await verifier.verify(provider.token())
    provider.rotate()
    monkeypatch.setattr(keys, "UNKNOWN_SECONDS", 0.0)
    assert (await verifier.verify(provider.token("ben"))).subject == "ben"
    monkeypatch.setattr(keys, "UNKNOWN_SECONDS", 60.0)
    asked = provider.asked
    for n in range(5):
        with pytest.raises(Problem) as caught:
            await verifier.verify(provider.token(key=ECKey.generate_key("P-256", {"kid": f"made-up-{n}"})))
        assert caught.value.status == 401
    assert provider.asked == asked


async def test_the_old_keys_serve_while_new_ones_are_fetched_and_while_that_fails(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.gate.set()
    verifier = Verifier(provider.settings)
    await verifier.verify(provider.token())
    provider.gate.clear()
    monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
    assert (await verifier.verify(provider.token("ann"))).subject == "ann"
    await eventually(lambda: provider.asked == 2)
    assert (await verifier.verify(provider.token("ben"))).subject == "ben"
    provider.status = 500
    provider.gate.set()
    fetching: Any = verifier._keys
    await eventually(lambda: fetching._fetching is None)
    assert (await verifier.verify(provider.token("cem"))).subject == "cem"
