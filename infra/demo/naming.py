"""What the demo's person makes of proposed classes: reads the exemplars, names new classes, rejects the rest."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from registry.class_decisions import MIN_CONFIRMED, accept, merge, reject
from registry.tables import ClassProposal
from registry.text import normalize

LEAST_SHARE = 0.5                                     # of the exemplars that mean one thing, for it to be a class


@dataclass(frozen=True)
class Verdict:
    """What became of one proposal; `label` is the class that most of its exemplars are of."""

    proposed: str
    label: str
    n_texts: int
    share: float                                      # of the exemplars that are of this class
    said: str


def decide_on(session: Session, proposals: Iterable[ClassProposal], truth: Mapping[str, str], known: set[str], *,
              actor: str, now: datetime) -> list[Verdict]:
    """Decide on each proposal by what its exemplars mean, `truth` by text; `known` are the classes there are.

    Only unknown classes are accepted, and each once: a second proposal of it is merged.
    Texts of other classes are left out.
    """
    verdicts, named = [], set[str]()
    for proposal in proposals:
        texts = proposal.findings["exemplars"]
        meant = {text: truth.get(normalize(text), "") for text in texts}
        label, n_own = Counter(meant.values()).most_common(1)[0]
        wrong = {text: None for text, each in meant.items() if each != label}
        number, share, said = proposal.id or 0, n_own / len(texts), "rejected"
        if not label or label in known or share < LEAST_SHARE or n_own < MIN_CONFIRMED:
            why = f"these are {label}" if label in known and share >= LEAST_SHARE else "no class of its own"
            reject(session, number, actor=actor, reason=why, now=now)
            said = f"rejected: {why}"
        elif label in named:
            merge(session, number, label=label, actor=actor, reason="the same class", now=now, corrections=wrong)
            said = "merged"
        else:
            accept(session, number, name=label, actor=actor, reason="a new class", now=now, corrections=wrong)
            named.add(label)
            said = "accepted"
        verdicts.append(Verdict(proposal.name, label, proposal.n_texts, round(share, 2), said))
    return verdicts
