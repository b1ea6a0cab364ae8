"""Apache Kafka itself, without Docker: one KRaft node from the jars that Maven resolves."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from holdfast.platform.kafka_files import (
    MECHANISM,
    KafkaUnavailable,
    Ports,
    fetch_jars,
    make_keystore,
    needed,
    properties,
    run,
)
from holdfast.platform.processes import free_port, is_alive, is_free, keep, stop_process
from holdfast.platform.settings import BusSettings, default_data_dir

HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
USER = "holdfast"
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class KafkaNode:
    """One node, broker and controller, on 127.0.0.1 with its data in `data_dir/kafka`.

    It ends with `parent` (by default this process), or by `stop`. `secured` adds a listener with SASL (SCRAM)
    and TLS. `cache` keeps the jars; by default the local stack's data folder. Raises KafkaUnavailable where
    Java or Maven is missing.
    """

    def __init__(
        self, data_dir: Path, *, secured: bool = False, parent: int | None = None, cache: Path | None = None
    ) -> None:
        self.home = data_dir.absolute() / "kafka"
        self.log = self.home / "kafka.log"
        self._secured = secured
        self._parent = parent
        self._cache = cache or default_data_dir()
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def ports(self) -> Ports:
        """The ports of the last start; they stay as long as nobody else takes them."""
        return Ports(**json.loads((self.home / "ports.json").read_text()))

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.ports.plain}"

    @property
    def pid(self) -> int | None:
        """The Java process, or None when it does not run."""
        for entry in Path("/proc").glob("[0-9]*"):
            if self._runs_as(entry) and is_alive(int(entry.name)):
                return int(entry.name)
        return None

    @property
    def settings(self) -> BusSettings:
        """How to connect without security."""
        return BusSettings(transport="kafka", kafka_bootstrap=self.bootstrap)

    @property
    def secure_settings(self) -> BusSettings:
        """How to connect over SASL and TLS."""
        return BusSettings(
            transport="kafka", kafka_bootstrap=f"127.0.0.1:{self.ports.secure}",
            kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism=MECHANISM, kafka_sasl_username=USER,
            kafka_sasl_password=self._password, kafka_ssl_cafile=self.home / "ca.pem",
        )  # fmt: skip

    async def start(self) -> str:
        """Format the data folder if it is new, start the node or find it running; returns `bootstrap`."""
        if self.pid is None:
            libs = await fetch_jars(self._cache)
            self._reap()
            await self._prepare(libs)
            self._launch(libs)
        await self.wait_ready()
        return self.bootstrap

    async def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until a client gets an answer. Raises KafkaUnavailable when it ends, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not await _answers(self.bootstrap):
            if self._keeper is not None and self._keeper.poll() is not None:
                raise KafkaUnavailable(f"Apache Kafka ended right after its start: see {self.log}.")
            if time.monotonic() > deadline:
                raise KafkaUnavailable(f"Apache Kafka did not answer within {seconds:.0f} s: see {self.log}.")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Shut it down cleanly, whoever started it."""
        await asyncio.to_thread(self._end, signal.SIGTERM)

    async def kill(self) -> None:
        """`kill -9`; the data stays, and the next `start` goes on with it."""
        await asyncio.to_thread(self._end, signal.SIGKILL)

    async def wipe(self) -> None:
        """Kill it and lose its data; the next `start` is a new cluster on the same ports."""
        await self.kill()
        shutil.rmtree(self.home / "data", ignore_errors=True)

    @property
    def _password(self) -> str:
        path = self.home / "password"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                handle.write(secrets.token_hex(16))
        return path.read_text()

    def _end(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            stop_process(pid, number, STOP_SECONDS)
        self._reap()

    def _reap(self) -> None:
        if self._keeper is not None:
            self._keeper.wait(STOP_SECONDS)
            self._keeper = None

    def _runs_as(self, entry: Path) -> bool:
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"kafka.Kafka" in words and os.fsencode(self.home / "server.properties") in words

    async def _prepare(self, libs: Path) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._choose_ports()
        if self._secured and not (self.home / "ca.pem").exists():
            await make_keystore(self.home, self._password)
        config = self.home / "server.properties"
        keystore = self.home / "keystore.p12"
        config.touch(mode=0o600)
        config.write_text(properties(self.home / "data", self.ports, keystore, self._password))
        if not (self.home / "data" / "meta.properties").exists():
            await self._format(libs, config)

    async def _format(self, libs: Path, config: Path) -> None:
        shutil.rmtree(self.home / "data", ignore_errors=True)
        scram = ["--add-scram", f"{MECHANISM}=[name={USER},password={self._password}]"] if self._secured else []
        tool = [*_java(libs), "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(config)]
        await run([*tool, *scram])

    def _choose_ports(self) -> None:
        path = self.home / "ports.json"
        old = json.loads(path.read_text()) if path.exists() else {}
        wanted = ["plain", "controller", *(["secure"] if self._secured else [])]
        if not all(old.get(name) and is_free(old[name]) for name in wanted):
            path.write_text(json.dumps({name: free_port() for name in wanted}))

    def _launch(self, libs: Path) -> None:
        config = str(self.home / "server.properties")
        self.log.write_bytes(b"")
        self._keeper = keep(
            [*_java(libs), "kafka.Kafka", config],
            cwd=self.home, log=self.log, stop=signal.SIGTERM, parent=self._parent, env={"PATH": os.defpath},
        )  # fmt: skip


def _java(libs: Path) -> list[str]:
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [needed("java"), *HEAP, quiet, "-cp", f"{libs}/*"]


def _cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)


async def _answers(bootstrap: str) -> bool:
    quiet = logging.getLogger("aiokafka")
    level, client = quiet.level, AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    quiet.setLevel(logging.CRITICAL)
    try:
        await client.start()
        await client.describe_cluster()
    except (KafkaError, OSError):
        return False
    finally:
        quiet.setLevel(level)
        await client.close()
    return True
