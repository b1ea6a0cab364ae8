"""What a single Kafka node needs on disk: its jars, its properties, a keystore for TLS."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from holdfast.platform.processes import file_lock
from holdfast.platform.settings import checkout

MECHANISM = "SCRAM-SHA-512"
SECURE = "SECURE"
MAVEN_SECONDS = 600.0


class KafkaUnavailable(Exception):
    """Apache Kafka cannot be run here; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on 127.0.0.1; `secure` is 0 without the TLS listener."""

    plain: int
    controller: int
    secure: int = 0


def needed(program: str) -> str:
    """The path of a program. Raises KafkaUnavailable when it is not installed."""
    found = shutil.which(program)
    if found is None:
        raise KafkaUnavailable(
            f"Apache Kafka needs Java 17 and Maven, and `{program}` is not on the PATH: install both, "
            f"or use the embedded bus (HOLDFAST_BUS=postgres)."
        )
    return found


async def run(command: Sequence[str | Path], seconds: float = 120.0) -> None:
    """Run a program to its end. Raises KafkaUnavailable with its last line when it fails or takes longer."""
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=PIPE, stderr=STDOUT)
    name = Path(str(command[0])).name
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise KafkaUnavailable(f"`{name}` did not end within {seconds:.0f} s: try again.") from None
    if process.returncode:
        lines = output.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        telling = next((line for line in lines if "ERROR" in line or "Exception" in line), lines[-1])
        raise KafkaUnavailable(f"`{name}` failed: {telling.strip()}")


async def fetch_jars(cache: Path) -> Path:
    """The folder with Kafka's jars, resolved by Maven into `cache` when they are not there yet."""
    root = checkout()
    if root is None:
        raise KafkaUnavailable("deploy/kafka/pom.xml is not here: run Kafka from a checkout, or set its address.")
    needed("java")
    maven, pom = needed("mvn"), root / "deploy" / "kafka" / "pom.xml"
    libs = _libs_folder(cache, pom)
    with file_lock(cache / "kafka.lock"):
        if not libs.exists():
            draft = libs.with_suffix(f".{os.getpid()}")
            goal = "dependency:copy-dependencies"
            await run([maven, "-q", "-B", "-f", pom, goal, f"-DoutputDirectory={draft}"], MAVEN_SECONDS)
            draft.rename(libs)
    return libs


def _libs_folder(cache: Path, pom: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    return cache / f"kafka-{sha256(pom.read_bytes()).hexdigest()[:12]}"


def properties(data: Path, ports: Ports, keystore: Path, password: str) -> str:
    """server.properties of one node that is broker and controller."""
    secure = {SECURE: ports.secure} if ports.secure else {}
    listeners = {"PLAINTEXT": ports.plain, **secure}
    everything = {**listeners, "CONTROLLER": ports.controller}
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": _addresses(everything),
        "advertised.listeners": _addresses(listeners),
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{SECURE}:SASL_SSL",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "1500",
        **(_secured(keystore, password) if ports.secure else {}),
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _addresses(listeners: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())


def _secured(keystore: Path, password: str) -> dict[str, str]:
    listener = f"listener.name.{SECURE.lower()}"
    return {
        f"{listener}.ssl.keystore.type": "PKCS12",
        f"{listener}.ssl.keystore.location": str(keystore),
        f"{listener}.ssl.keystore.password": password,
        f"{listener}.sasl.enabled.mechanisms": MECHANISM,
        f"{listener}.{MECHANISM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }


async def make_keystore(folder: Path, password: str) -> None:
    """A key for 127.0.0.1 in `folder/keystore.p12`, and its certificate in `folder/ca.pem`."""
    keytool = needed("keytool")
    store: list[str | Path] = [
        "-keystore",
        folder / "keystore.p12",
        "-storepass",
        password,
        "-alias",
        "broker",
    ]
    await run(
        [keytool, "-genkeypair", *store, "-storetype", "PKCS12", "-keyalg", "EC", "-validity", "3650",
         "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1,dns:localhost"]
    )  # fmt: skip
    await run([keytool, "-exportcert", "-rfc", *store, "-file", folder / "ca.pem"])
