"""The card of a pretrained encoder: what it was made of, when, how, and under which license the texts were."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.encoders.transformer import CARD

READABLE = "card.md"
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Source:
    """Where texts came from: tasks of a bank at one version, or a file by its content."""

    name: str
    n_texts: int
    bank_version: int | None = None
    sha256: str | None = None


def source_of(file: Path, name: str, n_texts: int) -> Source:
    return Source(name, n_texts, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


@dataclass(frozen=True)
class Card:
    """Everything that decided the weights, and what may be done with them as far as it was told."""

    name: str
    kind: str
    created_at: str
    inputs_license: str                               # as the person who gave the texts states it
    sources: list[Source]
    n_texts: int                                      # distinct, after normalization
    n_gate_texts_left_out: int
    texts_digest: str
    normalization_version: int
    seed: int
    recipe: dict[str, Any]
    code_revision: str
    facts: dict[str, Any]

    @property
    def license(self) -> str:
        """What bundles say of the encoder."""
        return f"pretrained here; license of the texts: {self.inputs_license}"

    def files(self) -> dict[str, bytes]:
        """Return the card as JSON for machines and as Markdown for people."""
        shown = asdict(self) | {"license": self.license}
        return {CARD: json.dumps(shown, indent=1, ensure_ascii=False).encode(), READABLE: self._markdown().encode()}

    def _markdown(self) -> str:
        sources = [f"- {source.name}: {source.n_texts:,} texts"
                   + (f", bank version {source.bank_version}" if source.bank_version is not None else "")
                   + (f", sha256 {source.sha256}" if source.sha256 else "") for source in self.sources]
        rows = [("kind", self.kind), ("made", self.created_at), ("distinct texts", f"{self.n_texts:,}"),
                ("texts of gate sets left out", f"{self.n_gate_texts_left_out:,}"),
                ("license of the texts", self.inputs_license), ("seed", self.seed), ("code", self.code_revision),
                *self.recipe.items(), *self.facts.items()]
        return "\n".join([f"# {self.name}", "", "An encoder pretrained by HyperMatch on unlabeled texts.", "",
                          "## Texts", "", *sources, "", f"Digest of all texts: `{self.texts_digest}`", "", "## Making",
                          "", "| what | value |", "| --- | --- |",
                          *(f"| {name} | {value} |" for name, value in rows), ""])
