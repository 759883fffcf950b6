"""What every encoder is: features, a trainable module, and a digest that names its weights."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from torch import nn

from serving.predictor import NgramFeatures, TokenFeatures

FEATURES: dict[str, type[TokenFeatures] | type[NgramFeatures]] = {"tokens": TokenFeatures, "ngrams": NgramFeatures}


@dataclass(frozen=True)
class Encoder:
    """Turns texts into (n, d) float32 vectors of length 1.

    `build` returns the trainable module, in evaluation mode, whose forward takes the
    features' inputs in order and returns the vectors. Two encoders with one digest
    embed every text alike, so caches are keyed by it.
    """

    name: str
    license: str
    features: Literal["tokens", "ngrams"]
    features_file: bytes = field(repr=False)
    digest: str
    build: Callable[[], nn.Module] = field(repr=False)

    @cached_property
    def featurize(self) -> TokenFeatures | NgramFeatures:
        """The very features that serving uses."""
        return FEATURES[self.features](self.features_file)


def digest_of(*parts: bytes) -> str:
    """Return the digest of an encoder that consists of `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
