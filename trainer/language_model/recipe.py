"""What is asked of a language model for a task, and which of its answers count."""

from dataclasses import dataclass
from typing import Literal, get_args

from trainer.ranges import check

Answering = Literal["scores", "votes"]
ANSWERINGS: tuple[str, ...] = get_args(Answering)


@dataclass(frozen=True)
class LanguageModelRecipe:
    """How much is asked for, how it is asked, and what is kept.

    Counts of 0 leave a source out. `prompts` names library prompts that take the place of
    the language's own of the same use.
    """

    language: str = "en"
    prompts: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()                    # Parquet files of texts that models wrote elsewhere
    may_use_sentences: bool = False                   # without a model, label by nearness to names and descriptions
    descriptions: tuple[str, ...] = ()                # "label: what is said in its texts", for sentences
    answers: Answering = "scores"                     # "votes" for endpoints that tell no log-probabilities
    n_votes: int = 3
    n_orders: int = 2                                 # of labels and examples that one answer is averaged over
    is_calibrated: bool = True                        # against a content-free text (arXiv 2102.09690)
    mixed_per_label: int = 10
    generated_per_label: int = 5
    lines_per_call: int = 5                           # texts of a label that one call asks for
    n_unlabeled: int = 0
    n_labeled: int = 300                              # bank texts
    temperature: float = 1.0                          # of writing; answers by score have none
    max_tokens: int = 96
    max_chars: int = 600                              # of a text shown or written
    min_chars: int = 2
    max_candidates: int = 20                          # beyond it a mixed text is one of its examples' labels
    max_similarity: float = 0.9                       # cosine of character n-grams: above it two texts are one
    max_gate_similarity: float = 0.8
    max_imbalance: float = 3.0                        # a class keeps so many times the median class's texts
    unproven_trust: float = 0.5                       # of answers where no human label can tell
    min_trust: float = 0.3                            # texts below it are left out

    def __post_init__(self) -> None:
        check(self.language in ("en", "ko"), "language_model.language", self.language, "en or ko")
        for each in self.descriptions:
            check(": " in each, "language_model.descriptions", each, "a label, a colon, a space and its description")
        check(self.answers in ANSWERINGS, "language_model.answers", self.answers, " or ".join(ANSWERINGS))
        for name, low, high in (("n_votes", 1, 100), ("n_orders", 1, 50), ("mixed_per_label", 0, 10_000),
                                ("generated_per_label", 0, 10_000), ("lines_per_call", 1, 50),
                                ("n_unlabeled", 0, 1_000_000), ("n_labeled", 0, 1_000_000), ("max_tokens", 8, 4_096),
                                ("max_chars", 8, 8_192), ("min_chars", 1, 8_192), ("max_candidates", 2, 1_000)):
            value = getattr(self, name)
            check(low <= value <= high, f"language_model.{name}", value, f"{low} to {high}")
        for name in ("max_similarity", "max_gate_similarity", "unproven_trust", "min_trust"):
            check(0 <= getattr(self, name) <= 1, f"language_model.{name}", getattr(self, name), "0 to 1")
        check(0 <= self.temperature <= 5, "language_model.temperature", self.temperature, "0 to 5")
        check(self.max_imbalance >= 1, "language_model.max_imbalance", self.max_imbalance, "1 or more")
        check(self.min_chars <= self.max_chars, "language_model.min_chars", self.min_chars, "at most max_chars")
