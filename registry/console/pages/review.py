"""The review queue: one text after the other, labeled by keyboard; the model's guess may stay hidden until then."""

from starlette.responses import Response

from registry import acts, reviews
from registry.console.pages.task import task_of
from registry.console.visits import Visit
from registry.errors import NotFound
from registry.reviews.items import own_answer
from registry.tables import AnswerState, ReviewItem, ReviewState
from registry.tasks import label_space

BLIND = "blind"


def show(visit: Visit) -> Response:
    """Show the text that this person holds, or the queue if they hold none; nothing is claimed by looking."""
    task = task_of(visit)
    item = _held(visit, task.name)
    done = reviews.progress(visit.session, task.name)
    return visit.show("review.html", task=task, item=item, labels=label_space(visit.session, task.name).labels,
                      is_blind=visit.asked("mode") == BLIND, before=_before(visit, task.name), progress=done,
                      n_waiting=sum(done.states[state.value] for state in (ReviewState.OPEN, ReviewState.DISPUTED)),
                      agreement=reviews.agreement(visit.session, task.name),
                      suggested=reviews.suggested_classes(visit.session, task.name))


def claim(visit: Visit) -> Response:
    """Take the next text."""
    task = task_of(visit)
    item = acts.claim_review(visit.session, visit.actor, task.name, now=visit.now)
    return visit.go(_place(visit, task.name), "" if item is not None else "review_empty")


def answer(visit: Visit) -> Response:
    """Label the text and take the next one."""
    task, item_id = task_of(visit), _item_of(visit)
    new_class = visit.given("new_class")
    acts.answer_review(visit.session, visit.actor, item_id, new_class or visit.given("label"),
                       is_new_class=bool(new_class), now=visit.now)
    acts.claim_review(visit.session, visit.actor, task.name, now=visit.now)
    return visit.go(f"{_place(visit, task.name)}&said={item_id}")


def skip(visit: Visit) -> Response:
    """Leave the text to others and take the next one."""
    task = task_of(visit)
    acts.skip_review(visit.session, visit.actor, _item_of(visit), now=visit.now)
    acts.claim_review(visit.session, visit.actor, task.name, now=visit.now)
    return visit.go(_place(visit, task.name))


def undo(visit: Visit) -> Response:
    """Take the last answer back; its text is the next one."""
    task = task_of(visit)
    held = _held(visit, task.name)
    if held is not None:
        reviews.release(visit.session, held.id or 0, actor=visit.actor.name)
    acts.undo_review(visit.session, visit.actor, task.name, now=visit.now)
    return visit.go(_place(visit, task.name), "review_undone")


def _item_of(visit: Visit) -> int:
    item = reviews.get_item(visit.session, visit.request.path_params["item"])
    if item.task != visit.request.path_params["task"]:
        raise NotFound(f"{visit.request.path_params['task']} has no review item {item.id}")
    return item.id or 0


def _held(visit: Visit, task: str) -> ReviewItem | None:
    return reviews.held_item(visit.session, task, actor=visit.actor.name, now=visit.now)


def _before(visit: Visit, task: str) -> ReviewItem | None:
    """Return the text labeled a moment ago, whose guess may be shown now."""
    said = visit.number("said", default=0, most=10**9)
    if not said:
        return None
    item = visit.session.get(ReviewItem, said)
    if item is None:
        return None
    own = own_answer(visit.session, item, visit.actor.name)
    is_own = item.task == task and own is not None and own.state is AnswerState.LABELED
    return item if is_own else None


def _place(visit: Visit, task: str) -> str:
    return f"/tasks/{task}/review?mode={BLIND if visit.given('mode') == BLIND else 'open'}"
