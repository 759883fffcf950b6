"""What a version changes for clients: the classes it adds to, and takes from, the label space that answered before."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, select

from registry.lifecycle.versions import champion_of
from registry.tables import LabelSpace, ModelVersion
from registry.tasks import label_space


@dataclass(frozen=True)
class LabelSpaceChange:
    """From one label space to another; clients that know only `before` meet labels that are `added`."""

    before: int
    after: int
    added: list[str]
    removed: list[str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        told = [f"{sign}{label}" for sign, labels in (("+", self.added), ("-", self.removed)) for label in labels]
        return f"label space {self.before} -> {self.after}: {', '.join(told) or 'in another order'}"


def compatibility_change(session: Session, version: ModelVersion) -> LabelSpaceChange | None:
    """Compare a version with the champion that it replaces, or replaced; None if the label space is the same."""
    champion = champion_of(session, version.task)
    if version.was_champion or champion is None or champion.number == version.number:
        query = select(ModelVersion).where(ModelVersion.task == version.task, col(ModelVersion.was_champion),
                                           ModelVersion.number < version.number)
        champion = session.exec(query.order_by(col(ModelVersion.number).desc()).limit(1)).first()
    return change_from(session, champion, version)


def change_from(session: Session, old: ModelVersion | None, new: ModelVersion) -> LabelSpaceChange | None:
    """Return what clients of `old` meet in `new`."""
    if old is None or old.label_space == new.label_space:
        return None
    before, after = (label_space(session, new.task, each.label_space).labels for each in (old, new))
    return LabelSpaceChange(old.label_space, new.label_space, [label for label in after if label not in before],
                            [label for label in before if label not in after])


def spaces_of(session: Session, tasks: Collection[str]) -> dict[str, dict[int, list[str]]]:
    """Return the labels of every label space of the tasks, by number; one query, as servers ask every few seconds."""
    found: dict[str, dict[int, list[str]]] = {}
    for space in session.exec(select(LabelSpace).where(col(LabelSpace.task).in_(tasks))):
        found.setdefault(space.task, {})[space.number] = space.labels
    return found
