"""The local stack says in one sentence why it cannot go on."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from holdfast.platform.postgres_binaries import PostgresUnavailable
from holdfast.platform.settings import load_settings
from holdfast.platform.stack import LEAST_FREE_BYTES, Stack, StackInUse, alone

Usage = namedtuple("Usage", "total used free")


def test_a_server_that_has_ended_is_told_with_its_log(tmp_path: Path) -> None:
    stack = Stack(load_settings(data_dir=tmp_path, postgres_url=None), "postgres")
    with pytest.raises(PostgresUnavailable, match=r"has ended though nobody stopped it: see .*postgres\.log"):
        stack.check()


def test_a_disk_that_is_almost_full_is_told_before_postgresql_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(load_settings(data_dir=tmp_path, postgres_url="postgresql://somewhere/else"), "postgres")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, LEAST_FREE_BYTES))
    stack.check()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, LEAST_FREE_BYTES - 1))
    with pytest.raises(PostgresUnavailable, match=f"no space left on the disk of {tmp_path}"):
        stack.check()


def test_one_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(StackInUse, match="HOLDFAST_DATA_DIR"), alone(tmp_path):
        raise AssertionError("two at once")
