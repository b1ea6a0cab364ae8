"""The deployment files are checked by schema and against the code: no container engine is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
ROLES = {
    "credit-service": {"api", "worker", "jobs"},
    "hold-service": {"api", "worker", "jobs"},
    "ingest": {"api"},
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


def test_compose_file_follows_the_compose_schema() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_runs_in_every_role(services: dict[str, Any]) -> None:
    commands = [s["command"] for s in services.values() if s.get("command", [""])[0] == "run"]
    assert {(c[1], c[2]) for c in commands} == {(s, role) for s, roles in ROLES.items() for role in roles}


def test_every_long_running_container_has_a_health_check(services: dict[str, Any]) -> None:
    running = {name: s for name, s in services.items() if s.get("restart") != "no"}
    assert [name for name, s in running.items() if "healthcheck" not in s] == []


def test_one_shot_jobs_come_before_the_services(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service.get("command", [""])[0] == "run":
            waits_for = {job: rule["condition"] for job, rule in service["depends_on"].items()}
            own = [f"migrate-{of(service)}"] if of(service) else []
            assert waits_for == dict.fromkeys([*own, "topics"], "service_completed_successfully"), name


def of(service: dict[str, Any]) -> str:
    """Which service's database a container works on: credit, hold, or none."""
    named = " ".join(service["command"]).partition("-service")
    return named[0].split()[-1] if named[1] else ""


def test_a_container_knows_the_password_of_its_own_database_alone(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" in service:
            secrets = {v for v in service["environment"] if "DATABASE" in v}
            own = {f"HOLDFAST_{of(service).upper()}_DATABASE_{part}" for part in ("URL", "PASSWORD")}
            assert secrets == (own if of(service) else set()), name
            assert not any("PASSWORD" in str(v) for k, v in service["environment"].items() if k.endswith("_URL")), name


def test_images_are_pinned_by_version(services: dict[str, Any]) -> None:
    images = {service["image"] for service in services.values()}
    assert [image for image in images if not re.fullmatch(r"[\w/-]+:\d[\d.]*(@sha256:[0-9a-f]{64})?", image)] == []


def test_no_secret_stands_in_the_file() -> None:
    assert "PASSWORD: ${" in COMPOSE.read_text()
    for line in COMPOSE.read_text().splitlines():
        if "PASSWORD:" in line:
            assert "${" in line, line


def test_containers_are_not_root_and_cannot_write(services: dict[str, Any]) -> None:
    ours = [s for s in services.values() if "build" in s]
    assert all(s["read_only"] and s["cap_drop"] == ["ALL"] for s in ours)
    assert "USER 10001" in (ROOT / "deploy" / "Dockerfile").read_text()
