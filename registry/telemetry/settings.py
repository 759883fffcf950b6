"""How every process logs and whether it traces: `HYPERMATCH_TELEMETRY_<FIELD>`."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class TelemetrySettings(BaseSettings):
    """How every process logs and whether it traces: `HYPERMATCH_TELEMETRY_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_TELEMETRY_", frozen=True)

    log_format: Literal["text", "json"] = Field("text", description="Logs of every process: `text`, or `json`, one "
                                                                    "object a line.")
    traces_url: str = Field("", description="OTLP/HTTP collector that takes traces as JSON, such as "
                            "`http://collector:4318/v1/traces` (needs `hypermatch[otel]`); empty: none are made.")
    traced_ratio: float = Field(1.0, ge=0, le=1, description="Share of the requests that are traced, where the caller "
                                                             "did not decide already (W3C `traceparent`).")

    @field_validator("traces_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("must be http://HOST:PORT/v1/traces or https://...")
        return url
