"""Settings: from the environment, with local defaults, and one clear sentence when wrong."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import orjson
import pytest

from holdfast.database.roles import drop_database, ensure_database
from holdfast.platform.settings import Settings, SettingsError, default_data_dir, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("HOLDFAST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOLDFAST_DATA_DIR", str(tmp_path))


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_BUS", "kafka")
    monkeypatch.setenv("HOLDFAST_KAFKA_BOOTSTRAP", "broker:9092")
    monkeypatch.setenv("HOLDFAST_HOLD_DATABASE_URL", "postgresql://h@db/hold")
    monkeypatch.setenv("HOLDFAST_PORT", "")
    settings = load_settings()
    assert (settings.bus.transport, settings.bus.kafka_bootstrap) == ("kafka", "broker:9092")
    assert settings.database_url("hold-service") == "postgresql://h@db/hold"
    assert settings.port == 0


def test_the_local_stack_fills_in_what_is_not_set(tmp_path: Path) -> None:
    stack = {"bus_url": "postgresql://bus", "credit_database_url": "postgresql://credit"}
    (tmp_path / "stack.json").write_bytes(orjson.dumps(stack))
    settings = load_settings()
    assert settings.bus.url == "postgresql://bus"
    assert settings.database_url("credit-service") == "postgresql://credit"
    assert load_settings(bus_url="postgresql://mine").bus.url == "postgresql://mine"


def test_without_either_it_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"HOLDFAST_HOLD_DATABASE_URL is not set .* `make demo`"):
        load_settings().database_url("hold-service")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "HOLDFAST_BUS",
            "rabbit",
            "HOLDFAST_BUS is wrong: input should be 'postgres' or 'kafka', not 'rabbit'.",
        ),
        ("HOLDFAST_PORT", "99999", "HOLDFAST_PORT is wrong: input should be less than or equal to 65535"),
        ("HOLDFAST_MAX_FACT_AGE_SECONDS", "soon", "HOLDFAST_MAX_FACT_AGE_SECONDS is wrong: .* not 'soon'."),
        ("HOLDFAST_KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "needs HOLDFAST_KAFKA_SASL_MECHANISM"),
    ],
)
def test_a_wrong_value_gives_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv("HOLDFAST_KAFKA_BOOTSTRAP", "broker:9092")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=sentence) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    settings = Settings(hold_database_url="postgresql://u:hidden@h/d", bus_url="postgresql://u:hidden@h/d")
    settings = settings.model_copy(update={"kafka_sasl_password": None})
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(settings.bus)


async def test_a_password_may_be_made_of_any_characters(postgres_url: str) -> None:
    """It is given beside the address, since in it most of these would mean something else."""
    password, name = "p@ss/w:rd %2F#?'\"ü", f"test_{uuid4().hex[:12]}"
    whole = await ensure_database(postgres_url, name, password)
    try:
        parts = urlsplit(whole)
        without = urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}"))
        settings = load_settings(hold_database_url=without, hold_database_password=password)
        assert password not in repr(settings)
        assert settings.database_url("hold-service") == whole
        own = await asyncpg.connect(whole)
        assert await own.fetchval("SELECT current_user") == name
        await own.close()
    finally:
        await drop_database(postgres_url, name)


def test_the_data_folder_is_one_the_servers_account_can_reach() -> None:
    folder = default_data_dir()
    assert folder == Path("/var/lib/holdfast") if os.geteuid() == 0 else folder.name in {".holdfast", "holdfast"}


def test_a_pool_too_small_for_a_worker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_POOL_SIZE", "3")
    with pytest.raises(SettingsError, match=r"HOLDFAST_POOL_SIZE is wrong: .*greater than or equal to 4, not '3'"):
        load_settings()
