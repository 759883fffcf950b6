"""A person's decisions on a proposed class: accept, merge, split, reject, snooze; each one transaction, audited."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from registry.errors import Refused
from registry.labels import import_labels, parts_of
from registry.lifecycle.runs import request_run
from registry.proposal_memory import sample_of
from registry.proposals import check_move, get_proposal, move
from registry.tables import ClassProposal, Part, ProposalState
from registry.tasks import extend_label_space, label_space
from registry.text import text_hash

GATE_SHARE = 0.3                                      # of the confirmed texts: they judge and are never trained on
MIN_CONFIRMED = 3                                     # two to learn from and one to judge by

# A text of the proposal, or its hash -> the label it belongs to; None leaves it out.
Corrections = Mapping[str, str | None]


@dataclass(frozen=True)
class Confirmed:
    """What came of the texts that a person confirmed."""

    proposal: ClassProposal
    label: str
    label_space: int
    n_train: int
    n_gate: int


def accept(session: Session, number: int, *, name: str, actor: str, reason: str, now: datetime,
           corrections: Corrections | None = None) -> Confirmed:
    """Make the proposal a class called `name`: a new label space, labels, and a request to train.

    Its exemplars become labels of `actor`; `corrections` leave some out, give them to
    another class, or take boundary texts in. A share of them is frozen as gate labels.
    """
    proposal = _for_decision(session, number, ProposalState.ACCEPTED, actor, reason)
    name = name.strip()
    if name in label_space(session, proposal.task).labels:
        raise Refused(f"{proposal.task} has a class {name!r} already", "merge the proposal into it")
    space = extend_label_space(session, proposal.task, [name], actor=actor, reason=reason, now=now)
    return _confirm(session, proposal, ProposalState.ACCEPTED, name, space.number, corrections or {}, actor=actor,
                    reason=reason, now=now)


def merge(session: Session, number: int, *, label: str, actor: str, reason: str, now: datetime,
          corrections: Corrections | None = None) -> Confirmed:
    """Give the proposal's exemplars to a class that exists, and ask for a run."""
    proposal = _for_decision(session, number, ProposalState.MERGED, actor, reason)
    space = label_space(session, proposal.task)
    if label not in space.labels:
        raise Refused(f"{proposal.task} has no class {label[:80]!r} to merge into", "accept the proposal by that name")
    return _confirm(session, proposal, ProposalState.MERGED, label, space.number, corrections or {}, actor=actor,
                    reason=reason, now=now)


def split(session: Session, number: int, *, actor: str, reason: str, now: datetime) -> list[ClassProposal]:
    """Replace the proposal by the parts that discovery saw in it; each is decided on by itself."""
    proposal = _for_decision(session, number, ProposalState.SPLIT, actor, reason)
    parts = proposal.findings.get("parts", [])
    if len(parts) < 2:
        raise Refused(f"proposal {number} has no parts to split it into", "leave texts out when you accept it")
    children = [_part(proposal, part, now) for part in parts]
    session.add_all(children)
    session.flush()
    move(session, proposal, ProposalState.SPLIT, actor=actor, reason=reason, now=now,
         details={"into": [child.id for child in children]})
    return children


def reject(session: Session, number: int, *, actor: str, reason: str, now: datetime) -> ClassProposal:
    """Say that this is no class; it is remembered, and its like is not proposed again."""
    proposal = _for_decision(session, number, ProposalState.REJECTED, actor, reason)
    move(session, proposal, ProposalState.REJECTED, actor=actor, reason=reason, now=now)
    return proposal


def snooze(session: Session, number: int, *, until: datetime, actor: str, reason: str,
           now: datetime) -> ClassProposal:
    """Put the proposal away; the first discovery after `until` that finds it again brings it back."""
    proposal = _for_decision(session, number, ProposalState.SNOOZED, actor, reason)
    if until <= now:
        raise Refused(f"{until:%Y-%m-%d %H:%M} has passed", "snooze it until a time to come")
    proposal.snoozed_until = until
    move(session, proposal, ProposalState.SNOOZED, actor=actor, reason=reason, now=now,
         details={"until": until.isoformat()})
    return proposal


def confirmed_texts(proposal: ClassProposal, label: str, corrections: Corrections) -> list[tuple[str, str]]:
    """Return (text, label) of what a person confirms; raises Refused for a text that the proposal does not show."""
    shown = {text_hash(text): text for kind in ("exemplars", "boundary") for text in proposal.findings.get(kind, ())}
    labels: dict[str, str | None] = {text_hash(text): label for text in proposal.findings.get("exemplars", ())}
    for told, corrected in corrections.items():
        key = told if told in shown else text_hash(told)
        if key not in shown:
            raise Refused(f"proposal {proposal.id} does not show the text {told[:60]!r}",
                          "correct its exemplars and boundary texts only")
        labels[key] = corrected
    return [(shown[key], each) for key, each in labels.items() if each is not None]


def _for_decision(session: Session, number: int, to: ProposalState, actor: str, reason: str) -> ClassProposal:
    if not actor.strip() or not reason.strip():
        raise Refused("a decision needs the name of who decides and a reason", "give --actor and --reason")
    proposal = get_proposal(session, number)
    check_move(proposal, to)
    return proposal


def _confirm(session: Session, proposal: ClassProposal, to: ProposalState, label: str, space: int,
             corrections: Corrections, *, actor: str, reason: str, now: datetime) -> Confirmed:
    """Keep the labels, make the move and ask for a run."""
    rows = confirmed_texts(proposal, label, corrections)
    n_own = sum(each == label for _, each in rows)
    if n_own < MIN_CONFIRMED:
        raise Refused(f"{n_own} texts of {label!r} are left, {MIN_CONFIRMED} are needed", "leave fewer of them out")
    train, gate = _dealt(session, proposal.task, rows)
    origin = f"discovered, confirmed by {actor}"
    for part, kept in ((Part.TRAIN, train), (Part.GATE, gate)):
        if kept:
            import_labels(session, proposal.task, kept, part=part, actor=actor, origin=origin, now=now)
    proposal.label = label
    counts: dict[str, Any] = {"label": label, "label_space": space, "train": len(train), "gate": len(gate)}
    move(session, proposal, to, actor=actor, reason=reason, now=now, details=counts)
    request_run(session, proposal.task, actor=actor, now=now,
                reason=f"proposal {proposal.id} was {to.value} as {label!r}: {reason}")
    return Confirmed(proposal, label, space, len(train), len(gate))


def _dealt(session: Session, task: str,
           rows: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Deal texts to train and gate, by their hashes, so that neither is easier; a labeled text stays where it is."""
    known = parts_of(session, task, [text_hash(text) for text, _ in rows])
    dealt: dict[Part, list[tuple[str, str]]] = {Part.TRAIN: [], Part.GATE: []}
    fresh: dict[str, list[tuple[str, str]]] = {}
    for text, label in sorted(rows, key=lambda row: text_hash(row[0])):
        part = known.get(text_hash(text))
        (dealt[part] if part is not None else fresh.setdefault(label, [])).append((text, label))
    for own in fresh.values():
        n_gate = round(GATE_SHARE * len(own))
        dealt[Part.GATE] += own[:n_gate]
        dealt[Part.TRAIN] += own[n_gate:]
    return dealt[Part.TRAIN], dealt[Part.GATE]


def _part(proposal: ClassProposal, part: dict[str, Any], now: datetime) -> ClassProposal:
    findings = {**part["findings"], "encoder": proposal.findings.get("encoder"),
                "members": sample_of(part["findings"].get("members", ()))}
    return ClassProposal(task=proposal.task, state=ProposalState.PROPOSED, name=part["name"], n_texts=part["n_texts"],
                         near_label=part.get("near_label"), cohesion=part["cohesion"], stability=part["stability"],
                         findings=findings, bank_version=proposal.bank_version,
                         version_number=proposal.version_number, parent_id=proposal.id, created_at=now)
