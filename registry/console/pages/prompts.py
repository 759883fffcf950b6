"""The prompt library: the newest words of each prompt and how well they do."""

from sqlmodel import col, select
from starlette.responses import Response

from registry.console.visits import Visit
from registry.prompts import get_prompt, list_prompts, qualities
from registry.tables import Prompt, PromptQuality


def show(visit: Visit) -> Response:
    """List the prompts with their best measurement."""
    best: dict[str, PromptQuality] = {}
    for quality in qualities(visit.session):
        if quality.prompt not in best or quality.accuracy > best[quality.prompt].accuracy:
            best[quality.prompt] = quality
    return visit.show("prompts.html", prompts=list_prompts(visit.session), best=best)


def show_one(visit: Visit) -> Response:
    """Show the versions of a prompt, the words of one, and all its measurements."""
    name = visit.request.path_params["name"]
    prompt = get_prompt(visit.session, name, visit.number("version", default=0) or None)
    query = select(Prompt).where(Prompt.name == name).order_by(col(Prompt.version).desc())
    return visit.show("prompt.html", prompt=prompt, versions=list(visit.session.exec(query)),
                      qualities=qualities(visit.session, name=name))
