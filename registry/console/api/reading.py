"""What the API answers to questions: one call of the registry, told as JSON."""

from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlmodel import Session, col, select
from starlette.requests import Request

from registry import audit, reviews
from registry.accounts.roles import SCOPES, Person
from registry.artifacts.bundle import load_bundle
from registry.console.api import payloads
from registry.console.console import Console
from registry.console.health import tasks_health
from registry.console.pages.task import newest_curve, newest_versions
from registry.database import database_time
from registry.drift import list_drift_checks
from registry.errors import NotFound, Refused
from registry.label_edits import get_labeled_text, history_of, search_labels
from registry.lifecycle.flip_progress import flip_progress
from registry.lifecycle.runs import get_run
from registry.lifecycle.stages import name_of
from registry.lifecycle.versions import get_version
from registry.prompts import get_prompt, list_prompts, qualities
from registry.proposals import list_proposals
from registry.tables import DriftCheck, Run
from registry.tasks import get_task, label_space
from registry.watching.bank_days import bank_days
from registry.watching.maps import map_of
from registry.watching.run_lines import lines_of

Q = TypeVar("Q", bound=BaseModel)
Json = dict[str, Any]


def me(_: Console, __: Session, person: Person, ___: Request) -> Json:
    may = [scope for role, scope in SCOPES.items() if person.may(role)]
    return {"name": person.name, "role": person.role.value, "scopes": may}


def tasks(console: Console, session: Session, __: Person, request: Request) -> Json:
    query = query_of(payloads.TaskQuery, request)
    found = tasks_health(session, console.now(), query.q)
    begin = (query.page - 1) * query.per_page
    items = [{"name": task.name, "description": task.description, "champion": task.champion,
              "accuracy": task.accuracy, "live_accuracy": task.live_accuracy, "novelty": task.novelty,
              "is_alarm": task.is_alarm, "n_labels": task.n_labels, "n_texts_week": task.n_texts,
              "n_waiting": task.n_waiting, "run": None if task.run is None else row_of(task.run)}
             for task in found[begin : begin + query.per_page]]
    return {"items": items, "total": len(found)}


def task(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = get_task(session, request.path_params["task"])
    space = label_space(session, found.name)
    return {**row_of(found), "label_space": {"number": space.number, "labels": space.labels}}


def versions(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [{"number": row.number, "stage": row.stage.value, "label_space": row.label_space,
                       "n_labels": row.n_labels, "created_at": row.created_at.isoformat(), "accuracy": row.accuracy}
                      for row in newest_versions(session, name)]}


def flip(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    found = flip_progress(session, name, database_time(session))
    return {"flip": None if found is None else record_of(found)}


def version(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = get_version(session, *place_of(request))
    history = [row_of(entry) for entry in audit.entries(session, subject=name_of(found))]
    return {**row_of(found), "history": history}


def verification(console: Console, session: Session, _: Person, request: Request) -> Json:
    found = get_version(session, *place_of(request))
    bundle = load_bundle(console.store, found.digest)
    return {"digest": bundle.digest, "n_bytes": bundle.size_bytes}


def drift(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [row_of(check) for check in list_drift_checks(session, name)]}


def drift_check(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = session.get(DriftCheck, request.path_params["check"])
    if found is None or found.task != request.path_params["task"]:
        raise NotFound(f"{request.path_params['task'][:80]} has no drift check {request.path_params['check']}")
    return row_of(found)


def proposals(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [row_of(proposal) for proposal in list_proposals(session, name)]}


def discovery_map(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    found = map_of(session, name)
    if found is None:
        raise NotFound(f"no discovery of task {name} left a map", f"`hypermatch discover --task {name}`")
    return row_of(found)


def bank_growth(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"items": [row_of(day) for day in bank_days(session, name)]}


def review(_: Console, session: Session, __: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"progress": asdict(reviews.progress(session, name)), "agreement": asdict(reviews.agreement(session, name))}


def curve(console: Console, session: Session, _: Person, request: Request) -> Json:
    name = get_task(session, request.path_params["task"]).name
    found = newest_curve(session, console.store, name)
    if found is None:
        raise NotFound(f"no curve of task {name} was measured", f"`hypermatch curve --task {name} --target 0.9`")
    return {**found, "measured_at": found["measured_at"].isoformat()}


def runs(_: Console, session: Session, __: Person, request: Request) -> Json:
    query = query_of(payloads.RunQuery, request)
    statement = select(Run)
    if query.task is not None:
        statement = statement.where(Run.task == query.task)
    if query.state is not None:
        statement = statement.where(Run.state == query.state)
    page = statement.order_by(col(Run.id).desc()).offset((query.page - 1) * query.per_page).limit(query.per_page)
    return {"items": [row_of(found) for found in session.exec(page)]}


def run(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = session.get(Run, request.path_params["run"])
    if found is None:
        raise NotFound(f"there is no run {request.path_params['run']}")
    return row_of(found)


def run_lines(_: Console, session: Session, __: Person, request: Request) -> Json:
    query, found = query_of(payloads.LineQuery, request), get_run(session, request.path_params["run"])
    return {"items": [row_of(line) for line in lines_of(session, found.id or 0, query.after)]}


def labels(_: Console, session: Session, __: Person, request: Request) -> Json:
    query, name = query_of(payloads.LabelQuery, request), get_task(session, request.path_params["task"]).name
    rows, total = search_labels(session, name, words=query.q, label=query.label, part=query.part,
                                offset=(query.page - 1) * query.per_page, limit=query.per_page)
    return {"items": [row_of(row) for row in rows], "total": total}


def labeled_text(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = get_labeled_text(session, request.path_params["task"], request.path_params["text"])
    return {**row_of(found), "history": [row_of(entry) for entry in history_of(session, found)]}


def prompts(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [row_of(prompt) for prompt in list_prompts(session)]}


def prompt(_: Console, session: Session, __: Person, request: Request) -> Json:
    found = get_prompt(session, request.path_params["name"])
    return {**row_of(found), "qualities": [row_of(each) for each in qualities(session, name=found.name)]}


def row_of(row: Any, exclude: set[str] | None = None) -> Json:
    told: Json = row.model_dump(mode="json", exclude=exclude)
    return told


def record_of(record: Any) -> Json:
    """Return a dataclass as JSON, its times and names included."""
    told: Json = TypeAdapter(type(record)).dump_python(record, mode="json")
    return told


def place_of(request: Request) -> tuple[str, int]:
    return request.path_params["task"], request.path_params["number"]


def query_of(kind: type[Q], request: Request) -> Q:
    try:
        return kind.model_validate(dict(request.query_params))
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
                      "/api/v1/openapi.json tells what it takes") from error
