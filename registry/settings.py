"""Where the registry and its artifacts are: `HYPERMATCH_REGISTRY_<FIELD>`."""

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class RegistrySettings(BaseSettings):
    """Where the registry and its artifacts are: `HYPERMATCH_REGISTRY_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_REGISTRY_", frozen=True)

    url: str = Field("sqlite:///.hypermatch/registry.db",
                     description="Database: `sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`.")
    artifacts: str = Field(".hypermatch/artifacts", description="Artifact store: a folder or `s3://BUCKET/PREFIX`.")
    is_four_eyes: bool = Field(False, description="The person who asked for a version may not approve it.")

    signing_key: str = Field("", description="File of a private ed25519 key (PEM) that signs what is registered or "
                             "approved here; empty: nothing is signed.")

    @field_validator("url")
    @classmethod
    def _is_supported(cls, url: str) -> str:
        try:
            backend = make_url(url).drivername
        except ArgumentError:
            backend = ""
        if backend not in ("sqlite", "postgresql+psycopg"):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        return url
