"""The labeler without a language model: how near a text lies to the labels' names and descriptions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.language_model.examples import Examples
from trainer.language_model.labeling import Readings, Report, silent
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.trust import softened

SHARPNESS = 20.0                                      # cosine to logits; MiniLM on BANKING77 is calibrated near it
Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class SentenceLabeler:
    """Reads texts by cosine to the labels' names, and to what describes them; any encoder, no network.

    Names and descriptions stand for the two prompts. A label without a description is
    described as `<text type> about <label>`.
    """

    embed: Embed
    labels: Sequence[str]
    spec: PromptSpec
    descriptions: Mapping[str, str] = field(default_factory=dict)
    name: str = "sentence similarity"

    def read(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> Readings:
        """Read texts; the examples are not needed."""
        vectors = self.embed(list(texts))
        report(1.0)
        return Readings(self._probs(vectors, self._names()), self._probs(vectors, self._descriptions()))

    def read_crosswise(self, human: Examples, report: Report = silent) -> Readings:
        """Read the human labels; nothing of them enters the reading, so no fold is held out."""
        return self.read(human.texts, human, report)

    def read_once(self, texts: Sequence[str], examples: Examples, report: Report = silent) -> np.ndarray:
        return self.read(texts, examples, report).probs.astype(np.float32)

    def _names(self) -> list[str]:
        return [self.spec.word_of(label) for label in self.labels]

    def _descriptions(self) -> list[str]:
        return [self.descriptions.get(label) or f"{self.spec.text_type}: {self.spec.word_of(label)}"
                for label in self.labels]

    def _probs(self, vectors: np.ndarray, sentences: list[str]) -> np.ndarray:
        """Return (n, C), centered: what all labels have in common tells none of them apart."""
        anchors = self.embed(sentences)
        center = anchors.mean(axis=0, keepdims=True) if len(anchors) > 2 else np.zeros_like(anchors[:1])
        logits = SHARPNESS * vectors @ (anchors - center).T
        return softened(np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf)), 1.0).astype(np.float32)
