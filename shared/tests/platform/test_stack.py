"""The local stack: services find their databases, and find the same ones after a restart."""

from __future__ import annotations

from pathlib import Path

from holdfast.database.pool import connect
from holdfast.platform.settings import Settings, load_settings
from holdfast.platform.stack import LocalStack


async def database_of(url: str | None) -> object:
    assert url is not None
    connection = await connect(url, application_name="test")
    try:
        return await connection.fetchval("SELECT current_database()")
    finally:
        await connection.close()


async def test_services_find_their_databases_and_find_them_again(server_folder: Path) -> None:
    stack = LocalStack(Settings(data_dir=server_folder))
    try:
        full = await stack.start()
        assert stack.file.stat().st_mode & 0o777 == 0o600
        service = load_settings(data_dir=server_folder)
        assert service.database_url("hold-service") == full.hold_database_url
        assert await database_of(service.database_url("credit-service")) == "holdfast_credit"
        assert await database_of(service.bus.url) == "holdfast_bus"
        await stack.stop()
        assert await LocalStack(Settings(data_dir=server_folder)).start() == full
    finally:
        await stack.stop()


async def test_what_is_set_stays(server_folder: Path, postgres_url: str) -> None:
    settings = Settings(
        data_dir=server_folder, postgres_url=postgres_url, hold_database_url="postgresql://mine"
    )
    full = await LocalStack(settings, ["hold"]).start()
    assert full.hold_database_url == "postgresql://mine"
    assert not (server_folder / "postgres").exists()
