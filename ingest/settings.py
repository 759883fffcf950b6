"""Where text comes from and how it is banked: `HYPERMATCH_INGEST_<FIELD>`."""

import json

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from registry.brokers import KafkaSettings
from registry.events import DEAD_LETTERS_TOPIC, PREDICTIONS_TOPIC, TEXTS_TOPIC


class IngestSettings(KafkaSettings):
    """Where text comes from and how it is banked: `HYPERMATCH_INGEST_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_INGEST_", frozen=True)

    brokers: str = Field("127.0.0.1:9092", description="Kafka bootstrap addresses, `HOST:PORT[,HOST:PORT]`.")
    group: str = Field("hypermatch-ingest", description="Consumer group.")
    texts_topic: str = Field(TEXTS_TOPIC, description="Topic that carries production texts.")
    predictions_topic: str = Field(PREDICTIONS_TOPIC, description="Topic that carries served predictions.")
    dead_letters_topic: str = Field(DEAD_LETTERS_TOPIC, description="Topic that takes unreadable messages.")
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
    retention_days: int = Field(0, ge=0, description="Days before today whose rows `hypermatch bank retain` keeps; "
                                "0: all.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Serve Prometheus metrics on this port; 0: do not.")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics port listens on.")
    heartbeat_seconds: float = Field(10.0, gt=0, description="How often the registry hears of this process.")

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
