"""Holds a task's lease and reports its run while it works, and notices when either is lost."""

from datetime import timedelta
from threading import Event, Lock, Thread
from types import TracebackType

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from registry.database import write
from registry.errors import HyperMatchError
from registry.leases import acquire, release
from registry.lifecycle.runs import get_run, report_progress
from registry.tables import RunState
from trainer.errors import Interrupted, LeaseLost
from trainer.workplace import Workplace, share_done

RENEWALS = 3                                          # per lease, so that two may fail


def lease_name(task: str) -> str:
    return f"trainer:{task}"


class Holding:
    """The lease of a task from entry to exit, renewed by a thread.

    Within it `report` ends the work by raising: Interrupted once `stop` is set,
    LeaseLost once another trainer may have taken over.
    """

    def __init__(self, workplace: Workplace, task: str, stop: Event) -> None:
        self.workplace, self.task, self.stop = workplace, task, stop
        self.run_id: int | None = None
        self._step, self._done = "reading", 0.0
        self._is_lost, self._is_over, self._lock = Event(), Event(), Lock()
        self._thread = Thread(target=self._keep, name=f"lease {task}", daemon=True)

    def __enter__(self) -> "Holding":
        with write(self.workplace.engine) as session:
            if not self._renew(session):
                raise LeaseLost(f"another trainer is at work on task {self.task}",
                                "wait for it: `hypermatch runs list`")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()
        with write(self.workplace.engine) as session:
            release(session, lease_name(self.task), self.workplace.worker, now=self.workplace.now())

    def report(self, step: str, done: float) -> None:
        """Note the progress; raise if the work should end here."""
        with self._lock:
            self._step, self._done = step, done
        if self.stop.is_set():
            raise Interrupted(f"interrupted in step {step}")
        if self._is_lost.is_set():
            raise LeaseLost(f"the lease of task {self.task} was lost in step {step}")

    def check(self, session: Session) -> None:
        """Prove in the caller's transaction that task and run are still ours; raises LeaseLost."""
        is_ours = self._renew(session)
        if is_ours and self.run_id is not None:
            is_ours = get_run(session, self.run_id).state is RunState.RUNNING
        if not is_ours:
            raise LeaseLost(f"another trainer took task {self.task} over")

    def _renew(self, session: Session) -> bool:
        return acquire(session, lease_name(self.task), self.workplace.worker, duration=self.workplace.lease,
                       now=self.workplace.now()) is not None

    def _keep(self) -> None:
        """Renew until the work is over; a registry that is away for a whole lease means that it is lost."""
        kept_at = self.workplace.now()
        pause = self.workplace.lease / RENEWALS
        while not self._is_over.wait(pause.total_seconds()):
            try:
                with write(self.workplace.engine) as session:
                    self.check(session)
                    self._tell(session)
                kept_at = self.workplace.now()
            except LeaseLost:
                self._is_lost.set()
            except (OperationalError, HyperMatchError):
                if self.workplace.now() - kept_at > self.workplace.lease - pause:
                    self._is_lost.set()

    def _tell(self, session: Session) -> None:
        if self.run_id is not None:
            with self._lock:
                step, done = self._step, self._done
            report_progress(session, self.run_id, step=step, progress=share_done(step, done),
                            now=self.workplace.now())


def silence_allowed(lease: timedelta) -> timedelta:
    """Return after how long a silent run counts as abandoned: its lease has surely ended by then."""
    return lease + lease / RENEWALS
