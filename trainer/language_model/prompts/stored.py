"""Prompts out of the registry's library, the packaged ones among them, best measured first."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from registry.prompts import best_first, list_prompts, save_prompt
from trainer.language_model.prompts.spec import PromptError, PromptSpec, packaged_specs, spec_of


def all_specs(session: Session) -> list[PromptSpec]:
    """Return the packaged prompts of this release and the newest versions of those that people added."""
    packaged = packaged_specs()
    names = {spec.name for spec in packaged}
    return packaged + [spec_of(prompt.spec) for prompt in list_prompts(session) if prompt.name not in names]


def specs_for(session: Session, task: str, language_model: str) -> list[PromptSpec]:
    """Return all prompts in the order in which a run on `task` prefers them."""
    specs = {spec.name: spec for spec in all_specs(session)}
    return [specs[name] for name in best_first(session, list(specs), task, language_model)]


def keep_packaged(session: Session, now: datetime) -> None:
    """Put the packaged prompts into the library, so that people see them before any was measured; once is enough."""
    for spec in packaged_specs():
        with suppress(IntegrityError), session.begin_nested():    # another trainer that starts at this moment
            save_prompt(session, spec.to_dict(), actor="hypermatch", now=now)


def check_is_not_packaged(spec: PromptSpec) -> None:
    """Refuse to hide a packaged prompt behind one of the same name."""
    if spec.name in {each.name for each in packaged_specs()}:
        raise PromptError(f"prompt {spec.name!r} comes with HyperMatch", "give yours another name")
