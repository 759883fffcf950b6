"""How a small transformer is pretrained on the texts at hand."""

from dataclasses import dataclass

from trainer.ranges import check


@dataclass(frozen=True)
class TransformerRecipe:
    """Masked words first, then contrast of two crops of each text; sized for one CPU core."""

    vocabulary: int = 8_000
    dimensions: int = 256
    layers: int = 4
    heads: int = 4
    max_tokens: int = 64
    epochs: int = 3                                   # of masked words
    contrast_epochs: int = 1
    batch_rows: int = 64
    learning_rate: float = 5e-4
    contrast_learning_rate: float = 1e-4
    mask_share: float = 0.2                           # of the tokens, that the transformer must guess
    crop_share: float = 0.6                           # of the tokens, that a view keeps at least
    temperature: float = 0.05
    checkpoint_steps: int = 200

    def __post_init__(self) -> None:
        check(256 <= self.vocabulary <= 250_000, "transformer.vocabulary", self.vocabulary, "256 to 250000")
        check(self.dimensions % self.heads == 0, "transformer.dimensions", self.dimensions, "a multiple of heads")
        check(8 <= self.max_tokens <= 512, "transformer.max_tokens", self.max_tokens, "8 to 512")
        check(2 <= self.batch_rows <= 4_096, "transformer.batch_rows", self.batch_rows, "2 to 4096")
        for name in ("dimensions", "layers", "heads", "epochs", "checkpoint_steps"):
            check(getattr(self, name) >= 1, f"transformer.{name}", getattr(self, name), "1 or more")
        check(self.contrast_epochs >= 0, "transformer.contrast_epochs", self.contrast_epochs, "0 or more")
        for name in ("learning_rate", "contrast_learning_rate", "mask_share", "crop_share"):
            check(0 < getattr(self, name) < 1, f"transformer.{name}", getattr(self, name), "above 0, below 1")
        check(0 < self.temperature <= 10, "transformer.temperature", self.temperature, "above 0, at most 10")
