"""Pretrained encoders on disk: one folder each, named by its content, that recipes point to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.artifacts.store import ArtifactStore
from trainer.encoders.transformer import CARD
from trainer.errors import EncoderError
from trainer.pretraining.card import Card

PREFIXES = {"subword": "subword", "transformer": "hf"}


@dataclass(frozen=True)
class Kept:
    """A pretrained encoder that is there to its last byte."""

    folder: Path
    card: Mapping[str, Any]

    @property
    def named(self) -> str:
        """What a recipe writes as its `encoder`."""
        return f"{PREFIXES[self.card['kind']]}:{self.folder}"


def keep(root: Path, files: Mapping[str, bytes], card: Card) -> Kept:
    """Store the files with their card; the manifest is written last."""
    store = ArtifactStore(str(root.absolute()))
    digest = store.store({**files, **card.files()}, {"kind": f"{card.kind} encoder", "name": card.name})
    return Kept(root / digest, json.loads(card.files()[CARD]))


def kept_encoders(root: Path) -> Iterator[Kept]:
    """Yield every pretrained encoder below `root`, the newest first."""
    store = ArtifactStore(str(root.absolute()))
    found = [Kept(root / digest, json.loads((root / digest / CARD).read_bytes())) for digest in store.digests()]
    yield from sorted(found, key=lambda each: each.card["created_at"], reverse=True)


def find(root: Path, name: str) -> Kept:
    """Return the newest encoder of that name, or the one whose folder's name begins so."""
    for kept in kept_encoders(root):
        if kept.card["name"] == name or kept.folder.name.startswith(name):
            return kept
    raise EncoderError(f"there is no pretrained encoder {name!r} below {root}", "`hypermatch encoder list`")
