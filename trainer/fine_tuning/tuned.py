"""A tuned encoder: as any other, with a digest of its own."""

from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import nn

from trainer.encoders.encoder import Encoder, digest_of

BODY = "encoder."                                     # what names of a student's weights begin with, but for its head


def tuned_encoder(base: Encoder, weights: Path) -> Encoder:
    """Return `base` with those of its weights that `weights` holds."""
    return Encoder(name=f"{base.name} fine-tuned", license=base.license, features=base.features,
                   features_file=base.features_file,
                   digest=digest_of(b"fine-tuned", base.digest.encode(), weights.read_bytes()),
                   build=lambda: with_weights(base.build(), weights))


def with_weights(module: nn.Module, weights: Path) -> nn.Module:
    """Put the tuned weights into a freshly built encoder."""
    own = {name.removeprefix(BODY): each for name, each in load_file(weights).items() if name.startswith(BODY)}
    found = module.load_state_dict(own, strict=False)
    assert not found.unexpected_keys, f"{weights} is of another encoder"
    return module


def head_of(weights: Path) -> np.ndarray:
    """Return the head that was tuned along, weight and bias side by side (C, d + 1)."""
    found = load_file(weights)
    return np.concatenate([found["head.weight"].numpy(), found["head.bias"].numpy()[:, None]], axis=1)
