"""Settings, all from environment variables that begin with `HOLDFAST_`.

Local defaults need nothing: the local stack writes its addresses where services look for them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "HOLDFAST_"
STACK_FILE = "stack.json"
ROOT_DATA_DIR = Path("/var/lib/holdfast")


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one sentence that says which and what to do."""


def checkout() -> Path | None:
    """The folder of the checkout that this package is installed from, if it is one."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "Makefile").is_file() and (root / "shared").is_dir() else None


def default_data_dir() -> Path:
    """Where the local stack keeps its data: reachable by the account its servers run as."""
    if os.geteuid() == 0:
        return ROOT_DATA_DIR
    root = checkout()
    if root is not None and os.access(root, os.W_OK):
        return root / ".holdfast"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "holdfast"


class KafkaSettings(BaseModel):
    """How to reach Apache Kafka; SASL and TLS are passed through."""

    kafka_bootstrap: str | None = None
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_ssl_check_hostname: bool = True
    kafka_group_instance_id: str | None = None
    kafka_replication_factor: int = Field(default=1, ge=1)
    kafka_session_timeout_seconds: float = Field(default=10.0, gt=0)
    kafka_request_timeout_seconds: float = Field(default=20.0, gt=0)

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> Self:
        sasl = self.kafka_security_protocol.startswith("SASL")
        given = (self.kafka_sasl_mechanism, self.kafka_sasl_username, self.kafka_sasl_password)
        if sasl and not all(given):
            raise ValueError(
                f"{PREFIX}KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs "
                f"{PREFIX}KAFKA_SASL_MECHANISM, {PREFIX}KAFKA_SASL_USERNAME and {PREFIX}KAFKA_SASL_PASSWORD"
            )
        return self


class BusSettings(KafkaSettings):
    """How to reach the bus; `transport` chooses between the log in PostgreSQL (`url`) and Apache Kafka."""

    model_config = ConfigDict(frozen=True)

    transport: Literal["postgres", "kafka"] = "postgres"
    url: str | None = Field(default=None, repr=False)


class Settings(KafkaSettings, BaseSettings):
    """Everything that can be set; the variable of a field is its name in capitals after `HOLDFAST_`.

    Only `bus_transport` differs: its variable is `HOLDFAST_BUS`. Times are in seconds.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, validate_by_name=True, validate_by_alias=True,
        env_ignore_empty=True,
    )  # fmt: skip

    data_dir: Path = Field(default_factory=default_data_dir)
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_style: Literal["json", "console"] = "json"

    postgres_url: str | None = Field(default=None, repr=False)
    credit_database_url: str | None = Field(default=None, repr=False)
    credit_database_password: SecretStr | None = None
    hold_database_url: str | None = Field(default=None, repr=False)
    hold_database_password: SecretStr | None = None
    pool_size: int = Field(default=10, ge=4)
    """A worker keeps one connection to listen on, takes over partitions with a second one at hand, and relays."""
    statement_timeout_seconds: float = Field(default=30.0, gt=0)
    lock_timeout_seconds: float = Field(default=10.0, gt=0)

    bus_transport: Literal["postgres", "kafka"] = Field(default="postgres", validation_alias="HOLDFAST_BUS")
    bus_url: str | None = Field(default=None, repr=False)

    jwks_url: str | None = None
    token_key_file: Path | None = None
    token_issuer: str = "https://holdfast.local"
    token_audience: str = "holdfast"

    max_fact_age_seconds: float | None = Field(default=None, gt=0)
    recheck_delay_seconds: float = Field(default=0.0, ge=0)

    @property
    def bus(self) -> BusSettings:
        """How to reach the bus. Raises SettingsError when its address is neither set nor known locally."""
        kafka = {name: getattr(self, name) for name in KafkaSettings.model_fields}
        on_kafka = self.bus_transport == "kafka"
        if on_kafka:
            kafka["kafka_bootstrap"] = self.kafka_bootstrap or self._local("kafka_bootstrap")
        url = self.bus_url if on_kafka else self.bus_url or self._local("bus_url")
        return BusSettings(transport=self.bus_transport, url=url, **kafka)

    def database_url(self, service: str) -> str:
        """The database of "credit-service" or "hold-service". Raises SettingsError when it is not known."""
        short = service.removesuffix("-service")
        name = f"{short}_database_url"
        given: str | None = getattr(self, name, None)
        password: SecretStr | None = getattr(self, f"{short}_database_password", None)
        url = given or self._local(name)
        return url if password is None else with_password(url, password.get_secret_value())

    @property
    def key_file(self) -> Path:
        """The private key that signs local tokens."""
        return self.token_key_file or self.data_dir / "token-key.pem"

    def _local(self, name: str) -> str:
        value = read_stack(self.data_dir).get(name)
        if value is None:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set and no local stack has been started in {self.data_dir}: "
                f"set the variable, or start one with `make demo`."
            )
        return str(value)


def with_password(url: str, password: str) -> str:
    """A database's address with the password of its user, whatever characters that is made of."""
    parts = urlsplit(url)
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def read_stack(data_dir: Path) -> dict[str, Any]:
    """What the local stack in `data_dir` wrote about itself; empty when there is none."""
    try:
        found: dict[str, Any] = orjson.loads((data_dir / STACK_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        raise SettingsError(
            f"{data_dir / STACK_FILE} belongs to another account: set {PREFIX}DATA_DIR to a folder of your own."
        ) from None
    return found


def load_settings(**overrides: Any) -> Settings:
    """Read the environment. Raises SettingsError with one sentence on the first wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    problem = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{problem}."
    name = str(first["loc"][0])
    variable = name if name.startswith(PREFIX) else PREFIX + name.upper()
    shown = "the value given" if "password" in name else repr(first["input"])
    return f"{variable} is wrong: {problem[0].lower()}{problem[1:]}, not {shown}."
