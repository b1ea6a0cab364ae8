"""Signing keys: the local one, made at first use, or those of an identity provider."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from joserfc.jwk import ECKey, KeySet

from holdfast.platform.settings import Settings

REFRESH_SECONDS = 300.0
FETCH_TIMEOUT_SECONDS = 5.0
Keys = Callable[[], KeySet]


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
        own = KeySet([local_key(settings.key_file)])
        return lambda: own
    return _Remote(settings.jwks_url)


class _Remote:
    """Keys from a JWKS address, fetched again now and then; the old ones serve while it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._fetched = 0.0

    def __call__(self) -> KeySet:
        if self._keys is None or time.monotonic() - self._fetched > REFRESH_SECONDS:
            try:
                answer = httpx.get(self._url, timeout=FETCH_TIMEOUT_SECONDS).raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
            except (httpx.HTTPError, ValueError):
                if self._keys is None:
                    raise
            self._fetched = time.monotonic()
        return self._keys
