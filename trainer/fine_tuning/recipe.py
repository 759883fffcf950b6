"""How the encoder is fine-tuned end to end."""

from dataclasses import dataclass
from typing import Literal, get_args

from trainer.ranges import check

Use = Literal["auto", "always", "never"]
USES: tuple[str, ...] = get_args(Use)
Precision = Literal["auto", "fp32"]


@dataclass(frozen=True)
class FineTuningRecipe:
    """When, for how long and on what the encoder is tuned."""

    use: Use = "auto"                                 # auto: where a GPU is at hand and held-out labels speak for it
    min_certainty: float = 0.7                        # that it is right more often than what the frozen encoder ships
    n_folds: int = 3
    n_asked_folds: int = 1                            # each costs as much as the tuning; 0 with "always" only
    n_rounds: int = 1                                 # of pseudo-labels, tuning, new vectors
    epochs: float = 1.0                               # over the bank, per round
    batch_rows: int = 64                              # over all processes together
    labeled_rows: int = 8                             # of them
    learning_rate: float = 5e-5
    head_learning_rate: float = 0.01
    weight_decay: float = 0.01
    warmup_share: float = 0.1                         # of the steps, before the rate falls to nothing
    max_gradient: float = 1.0                         # norm
    frozen_layers: int = 0                            # lowest ones that stay as they are, as the word vectors do
    dropout: float = 0.1
    edited_share: float = 0.1                         # of words that a strong view lacks
    sharpness: float = 2.0                            # of pseudo-labels
    confidence_power: float = 3.0                     # how fast a pseudo-label's weight falls with its confidence
    unlabeled_weight: float = 1.0
    teacher_share: float = 0.0                        # of a pseudo-label that the averaged model's own guess makes up
    ema_decay: float = 0.99
    contrast_weight: float = 0.0                      # texts of one class attract each other, others repel
    contrast_temperature: float = 0.1
    n_processes: int = 0                              # 0: one per GPU, or one
    precision: Precision = "auto"                     # of products; auto: half where the processor is quicker at it
    checkpoint_steps: int = 100

    def __post_init__(self) -> None:
        check(self.use in USES, "fine_tuning.use", self.use, " or ".join(USES))
        check(self.precision in get_args(Precision), "fine_tuning.precision", self.precision, "auto or fp32")
        least_asked = 0 if self.use == "always" else 1
        for name, low, high in (("n_folds", 2, 20), ("n_asked_folds", least_asked, self.n_folds), ("n_rounds", 1, 10),
                                ("batch_rows", 4, 65_536), ("labeled_rows", 1, self.batch_rows - 2),
                                ("frozen_layers", 0, 100), ("n_processes", 0, 1_024),
                                ("checkpoint_steps", 1, 1_000_000)):
            value = getattr(self, name)
            check(low <= value <= high, f"fine_tuning.{name}", value, f"{low} to {high}")
        for name in ("min_certainty", "warmup_share", "teacher_share"):
            check(0 <= getattr(self, name) <= 1, f"fine_tuning.{name}", getattr(self, name), "0 to 1")
        for name in ("dropout", "edited_share", "ema_decay"):
            check(0 <= getattr(self, name) < 1, f"fine_tuning.{name}", getattr(self, name), "0 to below 1")
        for name in ("weight_decay", "confidence_power", "unlabeled_weight", "contrast_weight"):
            check(getattr(self, name) >= 0, f"fine_tuning.{name}", getattr(self, name), "0 or more")
        for name in ("epochs", "learning_rate", "head_learning_rate", "max_gradient", "sharpness",
                     "contrast_temperature"):
            check(getattr(self, name) > 0, f"fine_tuning.{name}", getattr(self, name), "above 0")
        check(self.batch_rows % max(self.n_processes, 1) == 0, "fine_tuning.batch_rows", self.batch_rows,
              "a multiple of n_processes")
