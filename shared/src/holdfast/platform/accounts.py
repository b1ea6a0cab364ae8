"""The unprivileged account that servers run as when Holdfast itself is started by root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "holdfast"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account: ids as the system knows them."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """None for an ordinary user (servers run as that user); for root the account to drop to.

    It is `holdfast`, made if the system lets us, else `postgres`, else `nobody`. Raises LookupError without
    any.
    """
    if os.geteuid() != 0:
        return None
    found = _known(NAME) or _made(NAME) or _known("postgres") or _known("nobody")
    if found is None:
        raise LookupError("PostgreSQL refuses to run as root, and there is no other account: add one named holdfast.")
    return found


def _known(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid else None


def _made(name: str) -> Account | None:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        return None
    command = [
        useradd,
        "--system",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
    ]
    subprocess.run([*command, name], capture_output=True, check=False)
    return _known(name)


def closed_parent(path: Path, account: Account) -> Path | None:
    """The first folder on the way to `path` that the account cannot enter, or None."""
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not _may_enter(folder.stat(), account):
            return folder
    return None


def _may_enter(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)
