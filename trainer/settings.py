"""How the trainer works on this machine: `HYPERMATCH_TRAINER_<FIELD>`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainerSettings(BaseSettings):
    """How the trainer works on this machine: `HYPERMATCH_TRAINER_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_TRAINER_", frozen=True)

    recipes: str = Field(".hypermatch/recipes", description="Folder of recipes, `<task>.toml`; a task without one "
                         "is trained by the default recipe.")
    cache: str = Field(".hypermatch/cache", description="Folder of embeddings and exported encoders; safe to delete.")
    threads: int = Field(0, ge=0, description="Threads of ONNX Runtime and torch; 0: one per core.")
    tick_seconds: float = Field(10.0, gt=0, description="How often each task is looked at.")
    new_labels: int = Field(20, gt=0, description="Train once this many labels were given since the last run ...")
    new_texts: int = Field(5_000, gt=0, description="... or this many texts were banked since, "
                           "if the recipe learns from traffic.")
    cooldown_seconds: float = Field(60.0, ge=0, description="Wait this long after a failed run, twice as long after "
                                    "each further one, at most a day.")
    lease_seconds: float = Field(30.0, gt=0, description="A trainer that did not renew for this long has lost its "
                                 "task to the others.")
    is_drift_watched: bool = Field(True, description="Look for drift whenever a window of texts was banked.")
    drift_runs_per_day: int = Field(2, ge=0, description="Runs that drift may ask for in 24 hours, per task; 0: drift "
                                    "only reports.")
