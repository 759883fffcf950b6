"""What a run reads, as vectors: labels, gate, traffic and the names of the labels."""

from dataclasses import dataclass

import numpy as np

from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.learning.embedded import Labeled
from trainer.learning.label_names import spoken
from trainer.materials import LabeledTexts, Materials
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace


@dataclass(frozen=True)
class Vectors:
    """Embedded materials; the gate is there to judge and nothing learns from it."""

    train: Labeled
    gate: Labeled
    traffic: np.ndarray                               # (n, d)
    names: np.ndarray                                 # (C, d)


def embedded(workplace: Workplace, materials: Materials, recipe: Recipe, report: Report) -> Vectors:
    """Embed with the task's encoder; what the bank's cache holds is not embedded again."""
    train, gate = materials.train, materials.gate
    encoder = open_encoder(recipe, train.texts + materials.traffic, workplace.cache,
                           lambda done: report("encoder", done))
    embedder = Embedder.of(encoder, workplace.cache, workplace.threads)
    vectors = embedder.embed(train.texts + gate.texts + materials.traffic, lambda done: report("embedding", done))
    names = embedder.embed([spoken(label) for label in materials.labels])
    n_train, n_labeled = len(train.texts), len(train.texts) + len(gate.texts)

    def labeled(rows: slice, texts: LabeledTexts) -> Labeled:
        return Labeled(vectors[rows], texts.classes, len(materials.labels))

    return Vectors(labeled(slice(n_train), train), labeled(slice(n_train, n_labeled), gate), vectors[n_labeled:], names)
