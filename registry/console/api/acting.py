"""What the API does: each act asks for the role itself, and what it changed is told as JSON."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request

from registry import acts, reviews
from registry.accounts.roles import Person
from registry.console.api import payloads
from registry.console.api.reading import Json, place_of, record_of, row_of
from registry.console.console import Console
from registry.database import database_time, write
from registry.errors import NotFound, Refused
from registry.lifecycle.flipping import Decision
from registry.lifecycle.trials import TRIALS
from registry.lifecycle.versions import get_version
from registry.proposals import get_proposal
from registry.tables import AliasName, ModelVersion
from registry.tasks import get_task


def approve(console: Console, session: Session, person: Person, request: Request, given: payloads.Approval) -> Json:
    return _decided(acts.approve(session, person, *place_of(request), digest=given.digest, seen=given.seen.value,
                                 reason=given.reason, now=console.now(), is_four_eyes=console.registry.is_four_eyes,
                                 signer=console.signer))


def request_changes(console: Console, session: Session, person: Person, request: Request,
                    given: payloads.Decision) -> Json:
    return _decided(acts.request_changes(session, person, *place_of(request), seen=given.seen.value,
                                         reason=given.reason, now=console.now()))


def request_approval(console: Console, session: Session, person: Person, request: Request,
                     given: payloads.Decision) -> Json:
    return _decided(acts.request_approval(session, person, *place_of(request), seen=given.seen.value,
                                          reason=given.reason, now=console.now()))


def reject(console: Console, session: Session, person: Person, request: Request, given: payloads.Decision) -> Json:
    return _decided(acts.reject(session, person, *place_of(request), seen=given.seen.value, reason=given.reason,
                                now=console.now()))


def promote(console: Console, session: Session, person: Person, request: Request, given: payloads.Promotion) -> Json:
    if given.is_together:
        return _flipped(acts.promote_together, session, person, request, given)
    return _decided(acts.promote(session, person, *place_of(request), seen=given.seen.value, reason=given.reason,
                                 now=console.now()))


def roll_back(console: Console, session: Session, person: Person, request: Request, given: payloads.Promotion) -> Json:
    if given.is_together:
        return _flipped(acts.roll_back_together, session, person, request, given)
    return _decided(acts.roll_back(session, person, *place_of(request), seen=given.seen.value, reason=given.reason,
                                   now=console.now()))


def give_up_flip(_: Console, session: Session, person: Person, request: Request, given: payloads.Reasoned) -> Json:
    return _decided(acts.give_up_flip(session, person, *place_of(request), reason=given.reason,
                                      now=database_time(session)))


def start_trial(console: Console, session: Session, person: Person, request: Request, given: payloads.Trial) -> Json:
    return _decided(acts.start_trial(session, person, *place_of(request), _trial(request), seen=given.seen.value,
                                     share=given.share, reason=given.reason, now=console.now()))


def end_trial(console: Console, session: Session, person: Person, request: Request, given: payloads.Reasoned) -> Json:
    return _decided(acts.end_trial(session, person, *place_of(request), _trial(request), reason=given.reason,
                                   now=console.now()))


def accept_class(console: Console, session: Session, person: Person, request: Request,
                 given: payloads.Acceptance) -> Json:
    return row_of(acts.accept_class(session, person, _proposal(session, request), name=given.name, reason=given.reason,
                                  corrections=given.corrections, now=console.now()))


def merge_class(console: Console, session: Session, person: Person, request: Request, given: payloads.Merging) -> Json:
    return row_of(acts.merge_class(session, person, _proposal(session, request), label=given.label, reason=given.reason,
                                 corrections=given.corrections, now=console.now()))


def split_class(console: Console, session: Session, person: Person, request: Request, given: payloads.Reasoned) -> Json:
    number = _proposal(session, request)
    acts.split_class(session, person, number, reason=given.reason, now=console.now())
    return row_of(get_proposal(session, number))


def reject_class(console: Console, session: Session, person: Person, request: Request,
                 given: payloads.Reasoned) -> Json:
    number = _proposal(session, request)
    acts.reject_class(session, person, number, reason=given.reason, now=console.now())
    return row_of(get_proposal(session, number))


def snooze_class(console: Console, session: Session, person: Person, request: Request,
                 given: payloads.Snoozing) -> Json:
    number = _proposal(session, request)
    acts.snooze_class(session, person, number, until=given.until, reason=given.reason, now=console.now())
    return row_of(get_proposal(session, number))


def claim_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    item = acts.claim_review(session, person, request.path_params["task"], now=console.now())
    return {"item": None if item is None else row_of(item)}


def undo_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    name = get_task(session, request.path_params["task"]).name
    return {"item": row_of(acts.undo_review(session, person, name, now=console.now()))}


def answer_review(console: Console, session: Session, person: Person, request: Request,
                  given: payloads.ReviewReply) -> Json:
    return {"item": row_of(acts.answer_review(session, person, _item(session, request), given.label,
                                            is_new_class=given.is_new_class, now=console.now()))}


def skip_review(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    return {"item": row_of(acts.skip_review(session, person, _item(session, request), now=console.now()))}


def request_run(console: Console, session: Session, person: Person, request: Request,
                given: payloads.Reasoned) -> Json:
    return row_of(acts.request_run(session, person, request.path_params["task"], reason=given.reason,
                                 now=console.now()))


def request_discovery(console: Console, session: Session, person: Person, request: Request,
                      given: payloads.Reasoned) -> Json:
    return row_of(acts.request_discovery(session, person, request.path_params["task"], reason=given.reason,
                                         now=console.now()))


def import_labels(console: Console, session: Session, person: Person, request: Request,
                  given: payloads.LabelImport) -> Json:
    result = acts.import_labels(session, person, request.path_params["task"],
                                [(row.text, row.label) for row in given.rows], part=given.part, origin=given.origin,
                                now=console.now())
    return {"added": result.added, "changed": result.changed, "unchanged": result.unchanged}


def change_label(console: Console, session: Session, person: Person, request: Request,
                 given: payloads.LabelChange) -> Json:
    task, text_id = request.path_params["task"], request.path_params["text"]
    return row_of(acts.change_label(session, person, task, text_id, given.label, was=given.was, reason=given.reason,
                                  now=console.now()))


def remove_label(console: Console, session: Session, person: Person, request: Request,
                 given: payloads.Reasoned) -> Json:
    task, text_id = request.path_params["task"], request.path_params["text"]
    acts.remove_label(session, person, task, text_id, reason=given.reason, now=console.now())
    return {"removed": text_id}


def try_prompt(console: Console, _: Session, person: Person, request: Request, given: payloads.PromptTrial) -> Json:
    if console.try_prompt is None:
        raise Refused("prompts cannot be tried here", "this console was started without the trainer's packages")
    name = request.path_params["name"]
    with write(console.engine) as session:
        version = acts.begin_try(session, person, name, given.version, given.task, given.text, now=console.now())
    told = console.try_prompt(name, version, given.task, given.text.strip())
    return {**asdict(told), "answers": [{"label": label, "probability": p} for label, p in told.answers]}


def _decided(found: ModelVersion) -> Json:
    return {"task": found.task, "number": found.number, "stage": found.stage.value, "digest": found.digest}


def _flipped(ask: Callable[..., Decision], session: Session, person: Person, request: Request,
             given: payloads.Promotion) -> Json:
    """Tell where the version is, and what was done about the flip: it waits for servers or was committed."""
    done = ask(session, person, *place_of(request), seen=given.seen.value, reason=given.reason,
               now=database_time(session), patience=timedelta(seconds=given.within_seconds))
    return {**_decided(get_version(session, *place_of(request))), "flip": record_of(done)}


def _trial(request: Request) -> AliasName:
    name = request.path_params["trial"]
    if name not in list(TRIALS):
        raise NotFound(f"there is no trial {name[:40]!r}", f"there are {', '.join(each.value for each in TRIALS)}")
    return AliasName(name)


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
