"""One version: what changes if it is approved, where it came from, and the decisions that may follow."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlmodel import col, select
from starlette.responses import Response

from registry import acts, audit
from registry.accounts.roles import Role
from registry.artifacts.bundle import load_bundle
from registry.console.pages import flips
from registry.console.pages.task import task_of
from registry.console.visits import Visit
from registry.database import database_time
from registry.drift import check_behind
from registry.errors import HyperMatchError, Refused
from registry.heartbeats import live
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.flip_progress import FlipProgress, FlipState, flip_progress
from registry.lifecycle.promotion import requesters_of
from registry.lifecycle.stages import name_of
from registry.lifecycle.trials import TRIALS
from registry.lifecycle.versions import champion_of, get_version
from registry.tables import Alias, AliasName, ModelVersion, Run, Stage
from registry.tasks import label_space


class Decision(NamedTuple):
    """A decision of the page: what carries it out, who may, what the page says afterwards."""

    act: Callable[..., ModelVersion]
    role: Role
    done: str


N_FLIPS = 100                                         # shown of those that are kept, until all are asked for
DECISIONS = {"approve": Decision(acts.approve, Role.APPROVER, "approved"),
             "request-changes": Decision(acts.request_changes, Role.APPROVER, "changes_requested"),
             "ask-again": Decision(acts.request_approval, Role.LABELER, "approval_requested"),
             "reject": Decision(acts.reject, Role.APPROVER, "rejected"),
             "promote": Decision(acts.promote, Role.APPROVER, "promoted"),
             "rollback": Decision(acts.roll_back, Role.APPROVER, "rolled_back")}


def show(visit: Visit) -> Response:
    """Show the version beside the champion that it would replace."""
    session, task = visit.session, task_of(visit)
    version = get_version(session, task.name, visit.request.path_params["number"])
    champion = champion_of(session, task.name)
    other = champion if champion is not None and champion.number != version.number else None
    run = None if version.run_id is None else session.get(Run, version.run_id)
    before = session.exec(select(ModelVersion).where(
        ModelVersion.task == task.name, ModelVersion.number < version.number)
        .order_by(col(ModelVersion.number).desc()).limit(1)).first()
    return visit.show(
        "version.html", task=task, version=version, other=other, champion=champion, run=run,
        history_entries=list(audit.entries(session, subject=name_of(version))), follow=_decisions(version),
        may=[act for act in _decisions(version) if visit.actor.may(DECISIONS[act].role)],
        labels=_label_changes(visit, version, other), classes=_classes(version, other),
        n_shown=None if visit.asked("flips") == "all" else N_FLIPS, trials=_trials(visit, version),
        on_trial=_on_trial(visit, version), flip=_flip_under_way(visit, version.task),
        n_servers=len(live(session, database_time(session), "server")), minutes=(flips.USUAL_MINUTES, flips.MINUTES),
        compared=_compared(visit, version), offsets=offset_ranges(version, before),
        cause=None if run is None else check_behind(session, run.id or 0),
        costs=(run.facts if run else {}).get("costs"),
        recipe=recipe_changes(version, other), verified=_verified(visit, version),
        wanted=acts.last_decision(session, version) if version.stage is Stage.CHANGES_REQUESTED else None,
        blocked=visit.console.registry.is_four_eyes and visit.actor.name in requesters_of(session, version))


def decide(visit: Visit, act: str) -> Response:
    """Carry out one decision of the form; the acts refuse what is stale or not allowed."""
    if act in flips.TOGETHER and visit.given("is_together"):
        return flips.ask(visit, act)
    task, number = visit.request.path_params["task"], visit.request.path_params["number"]
    given: dict[str, Any] = {"seen": visit.given("seen"), "reason": visit.given("reason"), "now": visit.now}
    if act == "approve":                              # the only one that is about bytes, four eyes and signatures
        given |= {"digest": visit.given("digest"), "is_four_eyes": visit.console.registry.is_four_eyes,
                  "signer": visit.console.signer}
    DECISIONS[act].act(visit.session, visit.actor, task, number, **given)
    return visit.go(f"/tasks/{task}/versions/{number}", DECISIONS[act].done)


def start_trial(visit: Visit, name: AliasName) -> Response:
    """Try the version beside the champion, as the form says."""
    task, number = visit.request.path_params["task"], visit.request.path_params["number"]
    acts.start_trial(visit.session, visit.actor, task, number, name, seen=visit.given("seen"),
                     share=_share(visit, name), reason=visit.given("reason"), now=visit.now)
    return visit.go(f"/tasks/{task}/versions/{number}", f"{name.value}_started")


def end_trial(visit: Visit, name: AliasName) -> Response:
    task, number = visit.request.path_params["task"], visit.request.path_params["number"]
    acts.end_trial(visit.session, visit.actor, task, number, name, reason=visit.given("reason"), now=visit.now)
    return visit.go(f"/tasks/{task}/versions/{number}", "trial_ended")


def _flip_under_way(visit: Visit, task: str) -> FlipProgress | None:
    """Return the flip that a decision would end, or whose moment is ahead."""
    found = flip_progress(visit.session, task, database_time(visit.session))
    return found if found is not None and found.state in (FlipState.PREPARING, FlipState.APPOINTED) else None


def recipe_changes(version: ModelVersion, other: ModelVersion | None) -> list[tuple[str, Any, Any]]:
    """Return the recipe values that differ: name, the champion's, this version's."""
    if other is None:
        return []
    before, now = _flat(other.recipe), _flat(version.recipe)
    return [(name, before.get(name), now.get(name)) for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name)]


def offset_ranges(version: ModelVersion, before: ModelVersion | None) -> list[tuple[str, int, int]]:
    """Return (partition, from, up to) of the bank as the version read it; `from` is where the version before ended."""
    known = {} if before is None else before.evaluation.get("offsets", {})
    return [(place, known.get(place, 0), end) for place, end in sorted(version.evaluation.get("offsets", {}).items())]


def _decisions(version: ModelVersion) -> list[str]:
    """Return what may follow, the likeliest first."""
    if version.stage is Stage.ARCHIVED:
        return ["rollback"] if version.was_champion else []
    return {Stage.AWAITING_APPROVAL: ["approve", "request-changes", "reject"], Stage.APPROVED: ["promote", "reject"],
            Stage.CHANGES_REQUESTED: ["ask-again", "reject"], Stage.CANDIDATE: ["reject"],
            Stage.EVALUATED: ["reject"]}.get(version.stage, [])


def _share(visit: Visit, name: AliasName) -> float | None:
    """Read percent; a challenger has no share."""
    if name is not AliasName.CANARY:
        return None
    percent = visit.given("percent")
    if not percent.isdecimal() or not 1 <= int(percent[:4]) <= 99:
        raise Refused("a canary answers 1 to 99 % of the requests")
    return int(percent) / 100


def _trials(visit: Visit, version: ModelVersion) -> list[AliasName]:
    """Return the trials that this version may stand in and does not."""
    if champion_of(visit.session, version.task) is None:
        return []
    standing = {alias.name for alias in _on_trial(visit, version)}
    return [name for name, stages in TRIALS.items() if version.stage in stages and name not in standing]


def _on_trial(visit: Visit, version: ModelVersion) -> list[Alias]:
    found = [alias_of(visit.session, version.task, name) for name in TRIALS]
    return [alias for alias in found if alias is not None and alias.version_number == version.number]


def _compared(visit: Visit, version: ModelVersion) -> dict[str, int]:
    """Add up how often the version agreed with what was answered, as far as the live servers count."""
    found = [beat.says.get("compared", {}).get(name_of(version), {})
             for beat in live(visit.session, visit.now, "server")]
    return {name: sum(each.get(name, 0) for each in found) for name in ("agreed", "disagreed")}


def _label_changes(visit: Visit, version: ModelVersion, other: ModelVersion | None) -> dict[str, list[str]]:
    """Return the classes that appear and disappear against the champion."""
    if other is None or other.label_space == version.label_space:
        return {"added": [], "removed": []}
    now = label_space(visit.session, version.task, version.label_space).labels
    before = label_space(visit.session, version.task, other.label_space).labels
    return {"added": [label for label in now if label not in before],
            "removed": [label for label in before if label not in now]}


def _classes(version: ModelVersion, other: ModelVersion | None) -> list[dict[str, Any]]:
    """Return the recall of each class beside the champion's, what fell most first."""
    now, before = version.evaluation.get("recall", {}), (other.evaluation if other else {}).get("recall", {})
    rows = [{"label": label, "now": found["value"], "n_texts": found["n_texts"],
             "before": before[label]["value"] if label in before else None} for label, found in now.items()]
    for row in rows:
        row["change"] = None if row["before"] is None else row["now"] - row["before"]
    return sorted(rows, key=lambda row: (row["change"] is None, row["change"] or 0.0, row["now"], row["label"]))


def _verified(visit: Visit, version: ModelVersion) -> dict[str, Any] | None:
    """Check the stored bytes if the reader asks; it reads all of them."""
    if visit.asked("verify") != "1":
        return None
    try:
        bundle = load_bundle(visit.console.store, version.digest)
    except HyperMatchError as error:
        return {"is_sound": False, "says": str(error)}
    return {"is_sound": True, "says": f"{bundle.size_bytes:,}"}


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value})
    return flat
