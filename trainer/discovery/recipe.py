"""How new classes are looked for; the numbers were found on the train splits of BANKING77 and CLINC150."""

from dataclasses import dataclass

from trainer.fine_tuning.recipe import USES, Use
from trainer.ranges import check


@dataclass(frozen=True)
class DiscoveryRecipe:
    """Which texts are candidates, how they are grouped, and what a group must be to be proposed."""

    n_classes: int = 0                                # new classes to look for; 0: estimated
    max_texts: int = 50_000                           # newest bank texts looked at
    max_candidates: int = 15_000
    candidate_novelty: float = 0.8                    # a text is a candidate from this novelty on, calibrated ...
    candidate_share: float = 0.3                      # ... or among this share, most novel first, if it is not
    candidate_confidence: float = 0.5                 # ... or below this confidence
    n_neighbors: int = 10
    alpha: float = 0.8                                # share that a vector takes from its neighbors
    n_steps: int = 10
    shrinkage: float = 0.3                            # of how labeled texts vary within their classes
    temperature: float = 0.05                         # of soft membership, in cosine
    n_rounds: int = 8
    far_share: float = 1.2                            # texts that new groups are seeded from, over those expected
    max_seeding: int = 4_000
    tune: Use = "auto"                                # the encoder, on what was found; auto: where a GPU is at hand
    tuning_epochs: float = 2.0
    max_tuning_texts: int = 8_000                     # drawn of all, so that the time has a bound
    n_resamples: int = 4
    min_texts: int = 10                               # of a group, to be proposed
    min_stability: float = 0.3                        # Jaccard index with its like in resampled runs
    max_proposals: int = 50
    n_exemplars: int = 36                             # so that the share that is frozen can judge a class alone
    n_boundary: int = 8
    n_terms: int = 8

    def __post_init__(self) -> None:
        check(0 <= self.n_classes <= 1_000, "discovery.n_classes", self.n_classes, "0 to 1000")
        for name in ("candidate_novelty", "candidate_share", "candidate_confidence", "shrinkage", "min_stability"):
            check(0 <= getattr(self, name) <= 1, f"discovery.{name}", getattr(self, name), "0 to 1")
        check(0 <= self.alpha < 1, "discovery.alpha", self.alpha, "0 to below 1")
        check(self.tune in USES, "discovery.tune", self.tune, " or ".join(USES))
        for name in ("temperature", "far_share", "tuning_epochs"):
            check(getattr(self, name) > 0, f"discovery.{name}", getattr(self, name), "above 0")
        for name in ("max_texts", "max_candidates", "n_neighbors", "n_steps", "n_rounds", "max_seeding",
                     "n_resamples", "max_proposals", "n_boundary", "n_terms"):
            check(1 <= getattr(self, name) <= 1_000_000, f"discovery.{name}", getattr(self, name), "1 to 1000000")
        check(100 <= self.max_tuning_texts <= 1_000_000, "discovery.max_tuning_texts", self.max_tuning_texts,
              "100 to 1000000")
        check(self.min_texts >= 3, "discovery.min_texts", self.min_texts, "3 or more")
        check(3 <= self.n_exemplars <= 200, "discovery.n_exemplars", self.n_exemplars, "3 to 200")
