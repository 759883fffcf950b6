"""The slot of a task: the model that answers, the one before, and the one assignment that swaps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.artifacts.bundle import Bundle
from registry.lifecycle.promotion import Wanted
from serving.errors import UnfitBundle
from serving.predictor import Predictor
from serving.predictor.network import Bodies
from serving.predictor.pace import Pace


@dataclass(frozen=True)
class Loaded:
    """A version that can answer."""

    version_number: int
    label_space: int
    predictor: Predictor
    earlier_labels: Mapping[int, list[str]] = field(default_factory=dict)      # of label spaces that a client may pin

    def is_for(self, wanted: Wanted) -> bool:
        return (self.version_number, self.predictor.digest) == (wanted.version_number, wanted.digest)


class ModelSlot:
    """Holds what answers for one task.

    A batch takes `current` once and keeps it, so a swap in mid-batch is harmless and
    reading needs no lock. The version before stays loaded: returning to it is instant.
    """

    def __init__(self) -> None:
        self.current: Loaded | None = None
        self.previous: Loaded | None = None
        self.share = 1.0                              # of the requests, where the slot is a canary's

    @property
    def held(self) -> list[Loaded]:
        return [each for each in (self.current, self.previous) if each is not None]

    def loaded(self, wanted: Wanted) -> Loaded | None:
        """Return the wanted version if this slot holds it."""
        return next((each for each in self.held if each.is_for(wanted)), None)

    def swap(self, incoming: Loaded) -> None:
        if incoming is not self.current:
            self.previous, self.current = self.current, incoming

    def clear(self) -> None:
        """Let go of everything: a trial has ended."""
        self.current = self.previous = None


def prepare(wanted: Wanted, bundle: Bundle, providers: list[str], threads: int, bodies: Bodies, pace: Pace) -> Loaded:
    """Load, warm up and prove a verified bundle; raises UnfitBundle, and nothing that serves has changed."""
    if bundle.facts.task != wanted.task or bundle.labels != wanted.labels:
        raise UnfitBundle(f"bundle {bundle.digest[:12]} is for other labels than label space {wanted.label_space} "
                          f"of {wanted.task}")
    predictor = Predictor.load(bundle, providers, threads, bodies, pace)
    predictor.check_golden(pace)
    predictor.warm_up(pace)
    return Loaded(wanted.version_number, wanted.label_space, predictor, wanted.earlier_labels)
