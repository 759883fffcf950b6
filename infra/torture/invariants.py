"""What must hold after a torture, each a function that names what broke."""

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from sqlmodel import col, select

from infra.torture.faults import Broken
from infra.torture.installation import TASK, Installation
from infra.torture.load import CARD, Asked, Sender, is_close
from infra.torture.people import People
from ingest.dead_letters import stored
from registry import audit
from registry.artifacts.bundle import load_bundle
from registry.database import read
from registry.errors import HyperMatchError
from registry.leases import TURN
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.versions import list_versions
from registry.tables import AliasName, Lease, Run, RunState, Stage

N_NAMED = 5
MAY_REFUSE = {429, 503, 504}                          # too many, nothing loaded, too late: an answer that says so


def texts_banked_once(installation: Installation, sender: Sender) -> list[str]:
    rows = installation.bank.rows().to_pylist()
    found = Counter(row["id"] for row in rows if row["kind"] == "text")
    missing = [number for number in sender.sent if found[number] == 0]
    twice = [number for number, n in found.items() if n > 1]
    foreign = [number for number in found if number not in sender.sent]
    bare = [row["id"] for row in rows if CARD in row["text"]]
    told = [("were sent and not banked", missing), ("were banked more than once", twice),
            ("were banked and never sent", foreign), ("hold a card number in the open", bare)]
    return [*(f"{len(numbers)} texts {what}, such as {', '.join(map(str, numbers[:N_NAMED]))}"
              for what, numbers in told if numbers), *sender.failed[:1]]


def dead_letters_are_the_poison(installation: Installation, sender: Sender) -> list[str]:
    letters = (one.letter for one in stored(installation.ingest_settings))
    found = {(letter.topic, letter.partition, letter.offset) for letter in letters}
    told = [("poisoned messages without a dead letter", sender.poisoned - found),
            ("dead letters of messages that were not poisoned", found - sender.poisoned)]
    return [f"{len(places)} {what}: {sorted(places)[:N_NAMED]}" for what, places in told if places]


def answers_hold(asked: Asked, people: People, broken: Broken) -> list[str]:
    lost = [one for one in asked.lost if not broken.excuses(one[0], one[1])]
    told = [f"{len(lost)} accepted requests were never answered though no server was killed then, such as after "
            f"{lost[0][1] - lost[0][0]:.1f} s: {lost[0][2]}"] if lost else []
    told += [f"{n} requests were answered HTTP {status}" for status, n in asked.refused.items()
             if status not in MAY_REFUSE]
    told += [f"{n} answers came from v{version}, which is no proven version" for version, n in asked.answered.items()
             if version not in people.good]
    mixed = [answer for answer in asked.answers if answer[0] in people.expected
             and not is_close(people.expected[answer[0]][answer[1]][answer[2]], answer[3])]
    if mixed:
        told.append(f"{len(mixed)} answers are not those of the version they name, such as {mixed[0]}")
    return told


def one_champion(installation: Installation) -> list[str]:
    with read(installation.engine) as session:
        champions = [each.number for each in list_versions(session, TASK) if each.stage is Stage.CHAMPION]
        alias = alias_of(session, TASK, AliasName.CHAMPION)
    pointed = alias.version_number if alias is not None else None
    return [] if champions == [pointed] else [f"the champions are {champions}, the alias points at {pointed}"]


def audit_unbroken(installation: Installation) -> list[str]:
    with read(installation.engine) as session:
        try:
            audit.verify_chain(session)
        except HyperMatchError as error:
            return [error.what]
    return []


def no_orphans(installation: Installation) -> list[str]:
    """Held leases have a living holder, and no run is said to be running, or still asked for, once all have settled."""
    now = datetime.now(UTC)
    with read(installation.engine) as session:
        held = [lease for lease in session.exec(select(Lease)) if lease.expires_at > now
                and not lease.name.startswith(TURN)]
        unended = list(session.exec(select(Run).where(col(Run.state).in_((RunState.RUNNING, RunState.REQUESTED)))))
    told = [f"the lease {lease.name} is held by {lease.holder}, which lives no more" for lease in held
            if not _lives(lease.holder)]
    return told + [f"run {run.id} of {run.worker or 'nobody'} is still {run.state.value}" for run in unended]


def artifacts_verified(installation: Installation, people: People) -> list[str]:
    """Every version's bundle is whole but for those that were spoiled here."""
    told = []
    with read(installation.engine) as session:
        versions = list_versions(session, TASK)
    for version in versions:
        if version.digest in people.spoiled.values():
            continue
        try:
            load_bundle(installation.store, version.digest)
        except HyperMatchError as error:
            told.append(f"v{version.number}: {error.what}")
    return told


def no_traceback(installation: Installation) -> list[str]:
    logs = sorted((installation.folder / "logs").glob("*.log"))
    return [f"{log.name} holds a traceback" for log in logs if b"Traceback" in log.read_bytes()]


def _lives(holder: str) -> bool:
    number = holder.rsplit(":", 1)[-1]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    return True


Invariant = Callable[[], list[str]]


def invariants(installation: Installation, sender: Sender, asked: Asked, people: People,
               broken: Broken) -> dict[str, Invariant]:
    return {
        "every sent text is banked exactly once, masked": lambda: texts_banked_once(installation, sender),
        "dead letters are exactly the poisoned messages": lambda: dead_letters_are_the_poison(installation, sender),
        "every accepted request is answered by one proven version": lambda: answers_hold(asked, people, broken),
        "the task has exactly one champion": lambda: one_champion(installation),
        "the audit chain is unbroken": lambda: audit_unbroken(installation),
        "no lease or run is an orphan": lambda: no_orphans(installation),
        "every artifact verifies": lambda: artifacts_verified(installation, people),
        "no log holds a traceback": lambda: no_traceback(installation),
    }
