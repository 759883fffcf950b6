"""Where the registry and its artifacts are: `HYPERMATCH_REGISTRY_<FIELD>`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RegistrySettings(BaseSettings):
    """Where the registry and its artifacts are: `HYPERMATCH_REGISTRY_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_REGISTRY_", frozen=True)

    url: str = Field("sqlite:///.hypermatch/registry.db",
                     description="Database: `sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`.")
    artifacts: str = Field(".hypermatch/artifacts", description="Artifact store: a folder or `s3://BUCKET/PREFIX`.")
    is_four_eyes: bool = Field(False, description="The person who asked for a version may not approve it.")
