"""The prompt library: the newest words of each prompt, how well they do, and a place to try one."""

from sqlmodel import col, select
from starlette.responses import Response

from registry import acts
from registry.console.visits import Visit
from registry.database import write
from registry.errors import Refused
from registry.prompt_trials import MAX_CHARS, Tried
from registry.prompts import get_prompt, list_prompts, qualities
from registry.tables import Prompt, PromptQuality
from registry.tasks import list_tasks

READS_TEXT = "label"                                  # the use of prompts that can be tried on a text


def show(visit: Visit) -> Response:
    """List the prompts with their best measurement."""
    best: dict[str, PromptQuality] = {}
    for quality in qualities(visit.session):
        if quality.prompt not in best or quality.accuracy > best[quality.prompt].accuracy:
            best[quality.prompt] = quality
    return visit.show("prompts.html", prompts=list_prompts(visit.session), best=best)


def show_one(visit: Visit) -> Response:
    """Show the versions of a prompt, the words of one, all its measurements, and what trying it takes."""
    return _page(visit, visit.number("version", default=0))


def try_one(visit: Visit) -> Response:
    """Try the prompt on a text and show what came of it; the language model is asked outside of any transaction."""
    name, number = visit.request.path_params["name"], visit.given("version")
    if visit.console.try_prompt is None:
        raise Refused("prompts cannot be tried in this console", "it was started without the trainer's packages")
    asked = int(number) if number.isdecimal() and len(number) < 10 else None
    with write(visit.console.engine) as session:
        version = acts.begin_try(session, visit.actor, name, asked, visit.given("task"), visit.given("text"),
                                 now=visit.now)
    tried = visit.console.try_prompt(name, version, visit.given("task"), visit.given("text"))
    return _page(visit, version, tried)


def _page(visit: Visit, version: int, tried: Tried | None = None) -> Response:
    name = visit.request.path_params["name"]
    prompt = get_prompt(visit.session, name, version or None)
    query = select(Prompt).where(Prompt.name == name).order_by(col(Prompt.version).desc())
    measured = qualities(visit.session, name=name)
    tasks = [task.name for task in list_tasks(visit.session)] if prompt.use == READS_TEXT else []
    return visit.show("prompt.html", prompt=prompt, versions=list(visit.session.exec(query)), tasks=tasks,
                      qualities=measured, tried=tried, max_chars=MAX_CHARS, text=visit.given("text"),
                      task=visit.given("task") or next((each.task for each in measured), ""))
