"""What each operation of the API answers: one call of the registry, told as JSON."""

from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlmodel import Session, col, select
from starlette.requests import Request

from registry import acts, audit, reviews
from registry.accounts.roles import SCOPES, Person
from registry.console import openapi
from registry.console.console import Console
from registry.console.health import tasks_health
from registry.console.pages.task import newest_curve, newest_versions
from registry.drift import list_drift_checks
from registry.errors import NotFound, Refused
from registry.label_edits import search_labels
from registry.lifecycle.stages import name_of
from registry.lifecycle.versions import get_version
from registry.prompts import list_prompts
from registry.proposals import get_proposal, list_proposals
from registry.tables import AuditEntry, ModelVersion, Run
from registry.tasks import get_task, label_space

Q = TypeVar("Q", bound=BaseModel)
Json = dict[str, Any]


def me(_: Console, __: Session, person: Person, ___: Request) -> Json:
    may = [scope for role, scope in SCOPES.items() if person.may(role)]
    return {"name": person.name, "role": person.role.value, "scopes": may}


def tasks(_: Console, session: Session, __: Person, request: Request) -> Json:
    query = _query(openapi.TaskQuery, request)
    found = tasks_health(session, query.q)
    begin = (query.page - 1) * query.per_page
    items = [{"name": task.name, "description": task.description, "champion": task.champion,
              "accuracy": task.accuracy, "live_accuracy": task.live_accuracy, "is_alarm": task.is_alarm,
              "n_labels": task.n_labels, "n_waiting": task.n_waiting,
              "run": None if task.run is None else _row(task.run)}
             for task in found[begin : begin + query.per_page]]
    return {"items": items, "total": len(found)}


def task(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = get_task(session, request.path_params["task"])
    space = label_space(session, found.name)
    return {**_row(found), "label_space": {"number": space.number, "labels": space.labels}}


def versions(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [{"number": row.number, "stage": row.stage.value, "label_space": row.label_space,
                       "n_labels": row.n_labels, "created_at": row.created_at.isoformat(), "accuracy": row.accuracy}
                      for row in newest_versions(session, name)]}


def version(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = _version(session, request)
    history = [_row(entry) for entry in audit.entries(session, subject=name_of(found))]
    return {**_row(found), "history": history}


def approve(console: Console, session: Session, person: Person, request: Request, given: openapi.Approval) -> Json:
    return _decided(acts.approve(session, person, *_place(request), digest=given.digest, seen=given.seen.value,
                                 reason=given.reason, now=console.now(), is_four_eyes=console.registry.is_four_eyes))


def reject(console: Console, session: Session, person: Person, request: Request, given: openapi.Decision) -> Json:
    return _decided(acts.reject(session, person, *_place(request), seen=given.seen.value, reason=given.reason,
                                now=console.now()))


def promote(console: Console, session: Session, person: Person, request: Request, given: openapi.Decision) -> Json:
    return _decided(acts.promote(session, person, *_place(request), seen=given.seen.value, reason=given.reason,
                                 now=console.now()))


def roll_back(console: Console, session: Session, person: Person, request: Request, given: openapi.Decision) -> Json:
    return _decided(acts.roll_back(session, person, *_place(request), seen=given.seen.value, reason=given.reason,
                                   now=console.now()))


def drift(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [_row(check) for check in list_drift_checks(session, name)]}


def proposals(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [_row(proposal) for proposal in list_proposals(session, name)]}


def accept_class(console: Console, session: Session, person: Person, request: Request,
                 given: openapi.Acceptance) -> Json:
    return _row(acts.accept_class(session, person, _proposal(session, request), name=given.name, reason=given.reason,
                                  corrections=given.corrections, now=console.now()))


def merge_class(console: Console, session: Session, person: Person, request: Request, given: openapi.Merging) -> Json:
    return _row(acts.merge_class(session, person, _proposal(session, request), label=given.label, reason=given.reason,
                                 corrections=given.corrections, now=console.now()))


def split_class(console: Console, session: Session, person: Person, request: Request, given: openapi.Reasoned) -> Json:
    number = _proposal(session, request)
    acts.split_class(session, person, number, reason=given.reason, now=console.now())
    return _row(get_proposal(session, number))


def reject_class(console: Console, session: Session, person: Person, request: Request, given: openapi.Reasoned) -> Json:
    number = _proposal(session, request)
    acts.reject_class(session, person, number, reason=given.reason, now=console.now())
    return _row(get_proposal(session, number))


def snooze_class(console: Console, session: Session, person: Person, request: Request, given: openapi.Snoozing) -> Json:
    number = _proposal(session, request)
    acts.snooze_class(session, person, number, until=given.until, reason=given.reason, now=console.now())
    return _row(get_proposal(session, number))


def review(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"progress": asdict(reviews.progress(session, name)), "agreement": asdict(reviews.agreement(session, name))}


def claim_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    item = acts.claim_review(session, person, request.path_params["task"], now=console.now())
    return {"item": None if item is None else _row(item)}


def undo_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"item": _row(acts.undo_review(session, person, name, now=console.now()))}


def answer_review(console: Console, session: Session, person: Person, request: Request,
                  given: openapi.ReviewReply) -> Json:
    return {"item": _row(acts.answer_review(session, person, _item(session, request), given.label,
                                            is_new_class=given.is_new_class, now=console.now()))}


def skip_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    return {"item": _row(acts.skip_review(session, person, _item(session, request), now=console.now()))}


def curve(console: Console, session: Session, _: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    found = newest_curve(session, console.store, name)
    if found is None:
        raise NotFound(f"no curve of task {name} was measured", f"`hypermatch curve --task {name} --target 0.9`")
    return {**found, "measured_at": found["measured_at"].isoformat()}


def runs(_: Console, session: Session, __: Person, request: Request) -> Json:
    query = _query(openapi.RunQuery, request)
    statement = select(Run)
    if query.task is not None:
        statement = statement.where(Run.task == query.task)
    if query.state is not None:
        statement = statement.where(Run.state == query.state)
    page = statement.order_by(col(Run.id).desc()).offset((query.page - 1) * query.per_page).limit(query.per_page)
    return {"items": [_row(found) for found in session.exec(page)]}


def run(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = session.get(Run, request.path_params["run"])
    if found is None:
        raise NotFound(f"there is no run {request.path_params['run']}")
    return _row(found)


def request_run(console: Console, session: Session, person: Person, request: Request,
                given: openapi.Reasoned) -> Json:
    return _row(acts.request_run(session, person, request.path_params["task"], reason=given.reason,
                                 now=console.now()))


def labels(_: Console, session: Session, __: Person, request: Request) -> Json:
    query, name = _query(openapi.LabelQuery, request), get_task(session, request.path_params["task"]).name
    rows, total = search_labels(session, name, words=query.q, label=query.label, part=query.part,
                                offset=(query.page - 1) * query.per_page, limit=query.per_page)
    return {"items": [_row(row) for row in rows], "total": total}


def import_labels(console: Console, session: Session, person: Person, request: Request,
                  given: openapi.LabelImport) -> Json:
    result = acts.import_labels(session, person, request.path_params["task"],
                                [(row.text, row.label) for row in given.rows], part=given.part, origin=given.origin,
                                now=console.now())
    return {"added": result.added, "changed": result.changed, "unchanged": result.unchanged}


def change_label(console: Console, session: Session, person: Person, request: Request,
                 given: openapi.LabelChange) -> Json:
    task, text_id = request.path_params["task"], request.path_params["text"]
    return _row(acts.change_label(session, person, task, text_id, given.label, was=given.was, reason=given.reason,
                                  now=console.now()))


def remove_label(console: Console, session: Session, person: Person, request: Request,
                 given: openapi.Reasoned) -> Json:
    task, text_id = request.path_params["task"], request.path_params["text"]
    acts.remove_label(session, person, task, text_id, reason=given.reason, now=console.now())
    return {"removed": text_id}


def prompts(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [_row(prompt) for prompt in list_prompts(session)]}


def audit_entries(_: Console, session: Session, __: Person, request: Request) -> Json:
    query = _query(openapi.AuditQuery, request)
    statement = select(AuditEntry).where(*(
        getattr(AuditEntry, name) == getattr(query, name) for name in ("action", "actor", "subject")
        if getattr(query, name)))
    if query.before is not None:
        statement = statement.where(AuditEntry.number < query.before)
    rows = session.exec(statement.order_by(col(AuditEntry.number).desc()).limit(query.per_page))
    return {"items": [_row(entry) for entry in rows]}


def audit_chain(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"n_entries": audit.verify_chain(session)}


def _query(kind: type[Q], request: Request) -> Q:
    try:
        return kind.model_validate(dict(request.query_params))
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
                      "/api/v1/openapi.json tells what it takes") from error


def _proposal(session: Session, request: Request) -> int:
    """Return the proposal's number, if it is one of the task that the path names."""
    found = get_proposal(session, request.path_params["proposal"])
    if found.task != request.path_params["task"]:
        raise NotFound(f"{request.path_params['task'][:80]} has no proposal {found.id}")
    return found.id or 0


def _item(session: Session, request: Request) -> int:
    """Return the review item's number, if it is one of the task that the path names."""
    found = reviews.get_item(session, request.path_params["item"])
    if found.task != request.path_params["task"]:
        raise NotFound(f"{request.path_params['task'][:80]} has no review item {found.id}")
    return found.id or 0


def _version(session: Session, request: Request) -> ModelVersion:
    return get_version(session, *_place(request))


def _place(request: Request) -> tuple[str, int]:
    return request.path_params["task"], request.path_params["number"]


def _decided(found: ModelVersion) -> Json:
    return {"task": found.task, "number": found.number, "stage": found.stage.value, "digest": found.digest}


def _row(row: Any) -> Json:
    told: Json = row.model_dump(mode="json")
    return told
