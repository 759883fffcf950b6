"""Which other ways of saying a labeled text are made, which are kept, and how much they count."""

from dataclasses import dataclass

from trainer.ranges import check

PROVIDERS = ("eda", "back-translation", "paraphrase", "templates")


@dataclass(frozen=True)
class AugmentationRecipe:
    """`providers` that need a language model are passed over where none is set; `templates` say the label names.

    None by default: on train texts of BANKING77 and ParaKQC no share or weight of edits
    gained more than its noise, and templates hardly add to the names.
    """

    providers: tuple[str, ...] = ()
    n_views: int = 4                                  # of a labeled text, by each provider
    max_texts: int = 2_000                            # labeled texts that get views, drawn at random
    share: float = 0.1                                # of a text's words that an edit of `eda` changes
    n_synonyms: int = 5
    min_cosine: float = 0.6                           # of two words of the bank that may stand for one another
    max_words: int = 3_000                            # the bank's commonest, among which they are looked for
    min_share: float = 0.7                            # of a text's confidence in its class, that a view keeps
    weight: float = 0.5                               # of all views of a text together, in labels

    def __post_init__(self) -> None:
        unknown = sorted(set(self.providers) - set(PROVIDERS))
        check(not unknown, "augmentation.providers", list(self.providers), f"some of {', '.join(PROVIDERS)}")
        for name, low, high in (("n_views", 1, 64), ("max_texts", 1, 1_000_000), ("n_synonyms", 1, 50),
                                ("max_words", 1, 100_000)):
            check(low <= getattr(self, name) <= high, f"augmentation.{name}", getattr(self, name), f"{low} to {high}")
        for name in ("share", "min_cosine", "min_share"):
            check(0 <= getattr(self, name) <= 1, f"augmentation.{name}", getattr(self, name), "0 to 1")
        check(0 < self.weight <= 100, "augmentation.weight", self.weight, "above 0, at most 100")
