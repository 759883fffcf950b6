"""Where the console listens and how long people stay signed in: `HYPERMATCH_CONSOLE_<FIELD>`."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConsoleSettings(BaseSettings):
    """Where the console listens and how long people stay signed in: `HYPERMATCH_CONSOLE_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_CONSOLE_", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; anything else belongs behind HTTPS.")
    port: int = Field(3001, ge=1, le=65_535, description="Port to listen on.")
    url: str = Field("", description="Address that browsers use, such as `https://hypermatch.example`, if a proxy "
                                     "stands before the console; with https cookies never travel unencrypted.")
    language: Literal["en", "ko"] = Field("en", description="Language where the browser asks for neither English "
                                                            "nor Korean: `en` or `ko`.")
    idle_minutes: float = Field(60.0, gt=0, description="A session without a request for this long ends.")
    session_hours: float = Field(12.0, gt=0, description="A session ends after this long in any case.")
    max_upload_bytes: int = Field(20_000_000, gt=0, description="Largest file of labels that a browser may send.")
    is_link_printed: bool = Field(True, description="Print a one-time link for the first administrator while there "
                                                    "is none.")
    webhook_hosts: str = Field("", description="Hosts that webhooks may go to, `a.example,b.example`; empty: none.")
    drift_reports: str = Field(".hypermatch/drift", description="Folder of Evidently's pages, which the trainer makes "
                               "(`HYPERMATCH_TRAINER_REPORTS`); empty: none are shown.")
    grafana_url: str = Field("", description="Address of Grafana, linked from the pages; empty: no link.")

    prometheus_url: str = Field("", description="Address of Prometheus, linked likewise.")
    evidently_url: str = Field("", description="Address of Evidently's interface, which `hypermatch drift dashboard` "
                                               "opens, linked likewise.")

    @field_validator("url", "grafana_url", "prometheus_url", "evidently_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("must be http://HOST or https://HOST")
        return url.rstrip("/")

    @property
    def address(self) -> str:
        """Where a person opens the console."""
        return self.url or f"http://{self.host}:{self.port}"

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https://")
