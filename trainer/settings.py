"""How the trainer works on this machine: `HYPERMATCH_TRAINER_<FIELD>`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrainerSettings(BaseSettings):
    """How the trainer works on this machine: `HYPERMATCH_TRAINER_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_TRAINER_", frozen=True)

    recipes: str = Field(".hypermatch/recipes", description="Folder of recipes, `<task>.toml`; a task without one "
                         "is trained by the default recipe.")
    cache: str = Field(".hypermatch/cache", description="Folder of embeddings and exported encoders; safe to delete.")
    encoders: str = Field(".hypermatch/encoders", description="Folder of encoders that `hypermatch encoder pretrain` "
                          "made; recipes point into it.")
    threads: int = Field(0, ge=0, description="Threads of ONNX Runtime and torch; 0: one per core.")
    tick_seconds: float = Field(10.0, gt=0, description="How often each task is looked at.")
    new_labels: int = Field(20, gt=0, description="Train once this many labels were given since the last run ...")
    new_texts: int = Field(5_000, gt=0, description="... or this many texts were banked since, "
                           "if the recipe learns from traffic.")
    cooldown_seconds: float = Field(60.0, ge=0, description="Wait this long after a failed run, twice as long after "
                                    "each further one, at most a day.")
    lease_seconds: float = Field(30.0, gt=0, description="A trainer that did not renew for this long has lost its "
                                 "task to the others.")
    compact_hours: float = Field(1.0, ge=0, description="How often one of the trainers compacts the bank, as "
                                 "`hypermatch bank compact` does; 0: none does.")
    vacuum_hours: int = Field(168, ge=0, description="Once a day one of the trainers deletes files that only bank "
                              "versions older than this need, as `hypermatch bank vacuum` does; 0: none does.")
    retain_days: int = Field(0, ge=0, description="Days before today whose rows stay: once an hour one of the trainers "
                             "lets go of older ones, as `hypermatch bank retain` does; 0: all stay.")

    lm_backend: Literal["none", "openai", "transformers", "recorded"] = Field(
        "none", description="Language model: `openai` is any compatible endpoint, `transformers` a local folder, "
        "`recorded` replays what was asked before.")
    lm_url: str = Field("http://127.0.0.1:8000/v1", description="Endpoint of `openai`, up to and without "
                        "`/completions`.")
    lm_model: str = Field("", description="The endpoint's model, the folder of a `transformers` model, or the name "
                          "under which answers were recorded.")
    lm_key: SecretStr | None = Field(None, description="Key of the endpoint; never shown or stored.")
    lm_is_chat: bool = Field(False, description="The endpoint has `/chat/completions` only; use "
                             '`language_model.answers = "votes"` in the recipe with it.')
    lm_device: str = Field("cpu", description="Where a `transformers` model runs: `cpu`, `cuda`, `cuda:1`, ...")
    lm_timeout_seconds: float = Field(60.0, gt=0, description="A call without an answer for this long is made again.")
    lm_retries: int = Field(5, ge=0, description="How often a failed call is made again.")
    lm_concurrency: int = Field(8, ge=1, le=256, description="Calls at once.")
    lm_calls_per_minute: float = Field(0.0, ge=0, description="Rate that calls keep to; 0: no limit.")
    lm_max_calls: int = Field(100_000, ge=0, description="Calls of one run, retries included; 0: no limit.")
    lm_max_tokens: int = Field(0, ge=0, description="Tokens of one run; 0: no limit.")
    lm_max_money: float = Field(0.0, ge=0, description="Money of one run, by the two prices; 0: no limit.")
    lm_prompt_price: float = Field(0.0, ge=0, description="Price of a million prompt tokens.")
    lm_completion_price: float = Field(0.0, ge=0, description="Price of a million written tokens.")
    is_drift_watched: bool = Field(True, description="Look for drift whenever a window of texts was banked.")
    is_drift_dry_run: bool = Field(False, description="Drift only reports: it asks for no run, no discovery and no "
                                   "labels.")
    drift_runs_per_day: int = Field(2, ge=0, description="How often drift may lead to a run, to discovery or to asking "
                                    "for labels in 24 hours, per task; 0: drift only reports.")
    drift_cooldown_seconds: float = Field(3_600.0, ge=0, description="Wait this long after drift led to something.")
    drift_seconds_per_tick: float = Field(5.0, gt=0, description="Time per tick for answering texts of a window and "
                                          "its reference; the next tick goes on.")
    reports: str = Field(".hypermatch/drift", description="Folder of Evidently's workspace and pages, one per look; "
                         "empty: none are made.")
    metrics_port: int = Field(0, ge=0, le=65_535, description="Serve Prometheus metrics on this port; 0: do not.")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics port listens on.")
