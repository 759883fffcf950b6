"""Where text comes from and how it is banked: `HYPERMATCH_INGEST_<FIELD>`."""

import json
from typing import Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from registry.events import DEAD_LETTERS_TOPIC, PREDICTIONS_TOPIC, TEXTS_TOPIC

BOOTSTRAP_MS = 10_000                          # a broker that takes connections answers sooner or not at all
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


class IngestSettings(BaseSettings):
    """Where text comes from and how it is banked: `HYPERMATCH_INGEST_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_INGEST_", frozen=True)

    brokers: str = Field("127.0.0.1:9092", description="Kafka bootstrap addresses, `HOST:PORT[,HOST:PORT]`.")
    broker_api_version: str = Field("", description="Version spoken with the brokers, such as `2.3`, which the "
                                    "embedded broker needs; found out by asking if empty.")
    group: str = Field("hypermatch-ingest", description="Consumer group.")
    texts_topic: str = Field(TEXTS_TOPIC, description="Topic that carries production texts.")
    predictions_topic: str = Field(PREDICTIONS_TOPIC, description="Topic that carries served predictions.")
    dead_letters_topic: str = Field(DEAD_LETTERS_TOPIC, description="Topic that takes unreadable messages.")
    security_protocol: str = Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    ssl_ca_file: str | None = Field(None, description="Certificate authority of the brokers (PEM).")
    ssl_certificate_file: str | None = Field(None, description="Certificate of this client (PEM).")
    ssl_key_file: str | None = Field(None, description="Key of this client (PEM).")
    sasl_mechanism: str | None = Field(None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
    sasl_username: str | None = Field(None, description="User for SASL.")
    sasl_password: SecretStr | None = Field(None, description="Password for SASL.")
    session_timeout_seconds: float = Field(45.0, gt=0, description="A consumer silent for this long loses its "
                                           "partitions to the others.")
    bank: str = Field(".hypermatch/bank", description="Data bank: a folder or `s3://`, `gs://`, `az://` address.")
    bank_options: str = Field("{}", description="Storage options of the bank as JSON, such as "
                              "`{\"AWS_REGION\": \"eu-west-1\"}`.")
    flush_rows: int = Field(20_000, gt=0, description="Bank once this many messages, or 64 MiB of them, are held ...")
    flush_seconds: float = Field(5.0, gt=0, description="... or once the oldest of them has waited this long.")
    max_held_batches: int = Field(2, gt=0, description="Pause reading while more batches than this wait to be banked.")
    n_workers: int = Field(1, ge=0, le=1, description="1 decodes, masks, hashes and commits in a process of its "
                           "own; 0 does so beside the poll loop, slower and smaller.")
    is_masked: bool = Field(True, description="Mask cards, IBANs, e-mail addresses, phone numbers and Korean "
                            "resident registration numbers before anything touches the disk.")
    phone_regions: str = Field("KR,US", description="Regions whose national phone numbers are recognized.")
    remembered_texts: int = Field(5_000_000, gt=0, description="Texts of today remembered to drop exact duplicates "
                                  "at the door (16 bytes each); compaction drops those beyond.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Serve Prometheus metrics on this port; 0: do not.")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics port listens on.")
    heartbeat_seconds: float = Field(10.0, gt=0, description="How often the registry hears of this process.")

    @model_validator(mode="after")
    def say_what_cannot_be(self) -> Self:
        if self.security_protocol not in PROTOCOLS:
            raise ValueError(f"HYPERMATCH_INGEST_SECURITY_PROTOCOL must be one of {', '.join(PROTOCOLS)}")
        if self.security_protocol.startswith("SASL") and not (
                self.sasl_mechanism and self.sasl_username and self.sasl_password):
            raise ValueError("SASL needs HYPERMATCH_INGEST_SASL_MECHANISM, HYPERMATCH_INGEST_SASL_USERNAME and "
                             "HYPERMATCH_INGEST_SASL_PASSWORD")
        return self

    @field_validator("bank_options")
    @classmethod
    def are_an_object(cls, options: str) -> str:
        try:
            is_object = isinstance(json.loads(options), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise ValueError('must be a JSON object such as {"AWS_REGION": "eu-west-1"}')
        return options

    @property
    def storage_options(self) -> dict[str, str]:
        return dict(json.loads(self.bank_options))

    @property
    def topics(self) -> list[str]:
        return [self.texts_topic, self.predictions_topic]

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(region.strip().upper() for region in self.phone_regions.split(",") if region.strip())

    @property
    def connection(self) -> dict[str, Any]:
        """Return how kafka-python reaches the brokers."""
        version = tuple(int(part) for part in self.broker_api_version.split(".") if part)
        password = None if self.sasl_password is None else self.sasl_password.get_secret_value()
        return {
            "bootstrap_servers": self.brokers.split(","),
            "api_version": version or None,
            "bootstrap_timeout_ms": BOOTSTRAP_MS,
            "security_protocol": self.security_protocol,
            "ssl_cafile": self.ssl_ca_file,
            "ssl_certfile": self.ssl_certificate_file,
            "ssl_keyfile": self.ssl_key_file,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": password,
        }
