"""Signing keys: the local one, made at first use, or those of an identity provider."""

from __future__ import annotations

import asyncio
import os
import time
from math import inf
from pathlib import Path
from typing import Protocol

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from holdfast.platform.settings import Settings

REFRESH_SECONDS = 300.0
UNKNOWN_SECONDS = 10.0
"""How often tokens of unknown keys, which anybody can make, may cause a look."""
RETRY_SECONDS = 1.0
FETCH_TIMEOUT_SECONDS = 5.0
log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The identity provider has not told its keys yet."""


class Keys(Protocol):
    """Finds the keys that a token may be signed with."""

    async def find(self, kid: str | None) -> KeySet:
        """The keys, among them `kid` if there is such a one. Raises KeysUnavailable."""


def local_key(path: Path) -> ECKey:
    """The private key in `path`; made (readable by its owner alone) when there is none. Safe to race."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            handle.write(ECKey.generate_key("P-256").as_pem(private=True))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return ECKey.import_key(path.read_text())


def verification_keys(settings: Settings) -> Keys:
    """Where to find the keys that tokens are verified with."""
    if settings.jwks_url is None:
        return _Local(KeySet([local_key(settings.key_file)]))
    return _Remote(settings.jwks_url)


class _Local:
    """The key that signs local tokens."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def find(self, kid: str | None) -> KeySet:
        """The one key."""
        return self._keys


class _Remote:
    """Keys from a JWKS address. They are fetched beside the requests: now and then, and at once for a key that is not
    known, since it may be a new one; the old ones serve meanwhile, and while the address does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._asked = -inf
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> KeySet:
        """The keys, among them `kid` if the provider has it. Raises KeysUnavailable."""
        if self._keys is None:
            await self._fetch(RETRY_SECONDS)
        elif kid is not None and all(key.kid != kid for key in self._keys.keys):
            await self._fetch(UNKNOWN_SECONDS)
        else:
            self._begin(REFRESH_SECONDS)
        if self._keys is None:
            raise KeysUnavailable
        return self._keys

    async def _fetch(self, seconds: float) -> None:
        self._begin(seconds)
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    def _begin(self, seconds: float) -> None:
        """Ask, if nobody does and nobody has within the last so many seconds."""
        if self._fetching is None and time.monotonic() - self._asked > seconds:
            self._asked = time.monotonic()
            self._fetching = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS), httpx.AsyncClient() as client:
                answer = (await client.get(self._url)).raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, TimeoutError) as error:
            log.warning("signing_keys_not_fetched", url=self._url, error=str(error) or type(error).__name__)
        finally:
            self._fetching = None
