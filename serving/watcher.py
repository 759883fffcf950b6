"""The watcher: pulls what the registry wants served, loads it beside what serves, and swaps."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine

from registry import audit
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.lifecycle.flipping import advance_flips
from registry.lifecycle.promotion import Wanted, wanted
from registry.lifecycle.trials import TRIALS
from registry.signing import check_signed
from registry.tables import AliasName
from serving.appointments import Appointments, DatabaseClock
from serving.metrics import Metrics
from serving.predictor.network import Bodies
from serving.predictor.pace import AT_ONCE, GENTLE, GIVING_WAY, Pace, yield_to_others
from serving.pulse import Pulse
from serving.slot import Loaded, ModelSlot, prepare

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
BESIDE = (*TRIALS, AliasName.NEXT)                    # what is loaded beside champions
JITTER = 0.2                                          # of a poll, so that many workers do not ask at once
log = logging.getLogger("hypermatch.serving")


@dataclass(frozen=True)
class Setback:
    """A version that could not be loaded, and when to try again."""

    digest: str
    reason: str
    wait_seconds: float
    again_at: float


class Watcher:
    """Brings the slots of one worker to what the registry wants, from a thread of its own.

    Level-triggered: each look compares what is wanted with what serves, so a missed
    change is seen at the next look. Whatever fails, what serves goes on serving.
    """

    def __init__(self, engine: Engine, store: ArtifactStore, slots: dict[str, ModelSlot], providers: list[str],
                 threads: int, metrics: Metrics, *, process: str, now: Callable[[], datetime],
                 required_signers: Mapping[str, Ed25519PublicKey] = MappingProxyType({})) -> None:
        self.engine, self.store, self.slots, self.providers, self.threads = engine, store, slots, providers, threads
        self.metrics, self.process, self.now, self.required_signers = metrics, process, now, required_signers
        self.trials: dict[tuple[str, AliasName], ModelSlot] = {}
        self.compared: dict[str, dict[str, int]] = {}                # what the shadow counts, told with the heartbeat
        self.bodies = Bodies()
        self.setbacks: dict[tuple[str, AliasName], Setback] = {}
        self.has_looked = False                       # until then nobody knows which tasks there are
        self.is_complete = False                      # everything that was wanted at the last look is served
        self.is_registry_away = False
        self.stop, self.woken = threading.Event(), threading.Event()
        self.poll_seconds = 0.0
        self.under_way: list[str] = []                # tasks that a flip is prepared for
        self.clock, self.appointments = DatabaseClock(), Appointments()
        self.pulse = Pulse(engine, process, self.says, self._registry_away)

    def run(self, poll_seconds: float, heartbeat_seconds: float) -> None:
        """Look until stopped."""
        self.poll_seconds = poll_seconds
        self.pulse.start(heartbeat_seconds)           # before anything is loaded: a flip waits for this worker, too
        while not self.stop.is_set():
            self.look()
            self.pulse.tell_news()
            self._advance_flips()
            self.woken.wait(poll_seconds * random.uniform(1 - JITTER, 1 + JITTER))
            self.woken.clear()
        self.pulse.stop()

    def end(self) -> None:
        """Stop looking; a version that is being loaded is loaded first."""
        self.stop.set()
        self.woken.set()

    def look(self) -> None:
        """Compare once what is wanted with what serves, and mend the difference."""
        try:
            with read(self.engine) as session:
                everything = wanted(session, list(AliasName)) # in one look: what was prepared and leads now is kept
                if any(each.from_at or each.alias is AliasName.NEXT for each in everything):
                    self.clock.compare(session)
        except HyperMatchError as error:
            self._registry_away(error)
            return
        self._registry_back()
        champions = [each for each in everything if each.alias is AliasName.CHAMPION]
        beside = [each for each in everything if each.alias in BESIDE]
        for each in champions:
            self._slot(each)
        self.has_looked = True
        self.under_way = [each.task for each in beside if each.alias is AliasName.NEXT]
        for each in [*champions, *beside]:
            self._bring(each)
        self._end_trials({(each.task, each.alias) for each in beside})
        self.is_complete = all(self._serves(each) or self._will_serve(each) for each in champions)

    def says(self) -> dict[str, Any]:
        """Return what the registry hears of this worker; called from the threads of watcher and pulse."""
        served = {task: slot.current for task, slot in list(self.slots.items())}
        return {"serves": {task: current.version_number for task, current in served.items() if current},
                "holds": self._holds(), "poll_seconds": self.poll_seconds, "provider": self.providers[0],
                "compared": {name: dict(found) for name, found in list(self.compared.items())}}

    def _holds(self) -> dict[str, list[str]]:
        """Return the digests of each task that could answer at once."""
        found: dict[str, set[str]] = {}
        for task, slot in [*self.slots.items(), *((task, slot) for (task, _), slot in list(self.trials.items()))]:
            found.setdefault(task, set()).update(each.predictor.digest for each in slot.held)
        return {task: sorted(digests) for task, digests in found.items()}

    def _advance_flips(self) -> None:
        """Do what is due about the flips seen at the last look, and look again at once if that was anything."""
        try:
            if advance_flips(self.engine, self.under_way, self.process):
                self.woken.set()
        except HyperMatchError as error:
            self._registry_away(error)

    def _bring(self, each: Wanted) -> None:
        """Swap to what is wanted when it is due, unless it serves already or was tried a moment ago."""
        slot, setback = self._slot(each), self.setbacks.get((each.task, each.alias))
        if each.alias is AliasName.CHAMPION and self.appointments.confirm(each):
            return
        if self._serves(each) or (setback and setback.digest == each.digest and time.monotonic() < setback.again_at):
            return
        try:
            incoming = self._loaded(each) or self._load(each)
        except HyperMatchError as error:
            self._set_back(each, str(error))
        except Exception as error:                    # a bundle can break a runtime in ways nobody listed
            self._set_back(each, f"{type(error).__name__}: {error}")
        else:
            self.setbacks.pop((each.task, each.alias), None)
            if (seconds := self.clock.seconds_until(each.from_at)) > 0:
                self.appointments.make(each, seconds, partial(self._swap, slot, each, incoming))
            else:
                self._swap(slot, each, incoming)

    def _swap(self, slot: ModelSlot, each: Wanted, incoming: Loaded) -> None:
        slot.swap(incoming)
        if each.alias is AliasName.CHAMPION:
            self.metrics.swapped(each.task, each.version_number)
            log.info("%s v%d answers now", each.task, each.version_number)
        elif each.alias is AliasName.NEXT:
            log.info("%s v%d is prepared", each.task, each.version_number)
        else:
            log.info("%s v%d is the %s now", each.task, each.version_number, each.alias.value)

    def _slot(self, each: Wanted) -> ModelSlot:
        if each.alias is AliasName.CHAMPION:
            return self.slots.setdefault(each.task, ModelSlot())
        slot = self.trials.setdefault((each.task, each.alias), ModelSlot())
        slot.share = each.share
        return slot

    def _loaded(self, each: Wanted) -> Loaded | None:
        """Return the wanted version if any slot of its task holds it: a canary is promoted in an instant."""
        slots = [self.slots.get(each.task), *(slot for (task, _), slot in self.trials.items() if task == each.task)]
        return next((found for slot in slots if slot is not None and (found := slot.loaded(each))), None)

    def _end_trials(self, wanted_now: set[tuple[str, AliasName]]) -> None:
        """Clear the slots of trials that ended; their batchers keep hold of them for the next."""
        for (task, alias), slot in self.trials.items():
            if (task, alias) not in wanted_now and slot.current is not None:
                slot.clear()
                log.info("%s has no %s any more", task, alias.value)
            if alias is AliasName.CANARY:
                self.metrics.canary_answers(task, slot.share if slot.current is not None else 0)

    def _load(self, each: Wanted) -> Loaded:
        """Load a version: at once where nothing answers yet, else beside what answers."""
        if not any(slot.current for slot in self.slots.values()):
            return self._prepare(each, AT_ONCE)
        gives_way = self.threads == 1                 # a pool's threads would inherit the low priority for good
        with ThreadPoolExecutor(1, "load", yield_to_others if gives_way else None) as aside:
            return self._prepare(each, replace(GIVING_WAY if gives_way else GENTLE, executor=aside))

    def _prepare(self, each: Wanted, pace: Pace) -> Loaded:
        with read(self.engine) as session:
            check_signed(session, each.digest, self.required_signers)
        held = dict(self.bodies)                      # holds on to them until the version does
        bundle = load_bundle(self.store, each.digest, held.keys(), pace.breathe)
        return prepare(each, bundle, self.providers, self.threads, self.bodies, pace)

    def _serves(self, each: Wanted) -> bool:
        slot = self._slot(each)
        return slot.current is not None and slot.current.is_for(each)

    def _will_serve(self, each: Wanted) -> bool:
        """Say whether the task answers now and swaps at the moment that was agreed on."""
        return self._slot(each).current is not None and self.appointments.confirm(each)

    def _set_back(self, each: Wanted, reason: str) -> None:
        """Log and audit a failure once, and try again with growing patience."""
        key = (each.task, each.alias)
        before = self.setbacks.get(key)
        if before is not None and (before.digest, before.reason) == (each.digest, reason):
            wait_seconds = min(2 * before.wait_seconds, LONGEST_RETRY_SECONDS)
        else:
            wait_seconds = FIRST_RETRY_SECONDS
            log.error("%s v%d is not served: %s", each.task, each.version_number, reason)
            self._audit_once(each, reason)
        if each.alias is not AliasName.CHAMPION:
            self._slot(each).clear()                  # what stood there before is on trial no more
        self.setbacks[key] = Setback(each.digest, reason, wait_seconds, time.monotonic() + wait_seconds)
        self.metrics.swap_failed(each.task)

    def _audit_once(self, each: Wanted, reason: str) -> None:
        """Record the failure unless another worker, or this one before a restart, already has."""
        subject = f"{each.task} v{each.version_number}"
        try:
            with write(self.engine) as session:
                told = audit.entries(session, action="model:swap_failed", subject=subject)
                if all(entry.reason != reason for entry in told):
                    audit.record(session, action="model:swap_failed", subject=subject, actor=self.process,
                                 reason=reason, now=self.now(), details={"digest": each.digest})
        except HyperMatchError as error:
            self._registry_away(error)

    def _registry_away(self, error: HyperMatchError) -> None:
        if not self.is_registry_away:
            log.warning("%s; going on with what is loaded", error.what)
        self.is_registry_away = True

    def _registry_back(self) -> None:
        if self.is_registry_away:
            log.warning("the registry answers again")
        self.is_registry_away = False

