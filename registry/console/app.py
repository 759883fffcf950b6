"""The console as one application: its parts are built here and handed down."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from registry.accounts.roles import Role
from registry.accounts.sessions import signing_key
from registry.artifacts.store import ArtifactStore
from registry.console import doors, places  # noqa: F401  its convertor is needed by the routes
from registry.console.api import routes as api
from registry.console.assets import Assets
from registry.console.console import Console
from registry.console.courier import delivering
from registry.console.doors import action, page
from registry.console.oidc.provider import Provider
from registry.console.oidc.settings import OidcSettings
from registry.console.pages import (
    audit,
    configuration,
    discovery,
    drift,
    flips,
    labels,
    overview,
    people,
    prompts,
    provider,
    review,
    runs,
    signing,
    task,
    version,
    webhooks,
)
from registry.console.phrases import load_phrases
from registry.console.rendering import make_pages
from registry.console.safety import Guarded
from registry.console.settings import ConsoleSettings
from registry.console.words import load_words
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.lifecycle.trials import TRIALS
from registry.prompt_trials import Try
from registry.settings import RegistrySettings
from registry.webhooks.outbox import Outbox
from registry.webhooks.sending import sender

RETURN = "/sign-in/provider/back"                     # where a provider sends browsers back; it must be told so


def create_app(engine: Engine, store: ArtifactStore, settings: ConsoleSettings, registry: RegistrySettings,
               now: Callable[[], datetime], oidc: OidcSettings | None = None,
               try_prompt: Try | None = None) -> Starlette:
    """Return the application; it needs a registry at the newest revision. `try_prompt` asks the language model."""
    with write(engine) as session:
        key = signing_key(session)
    redirect = f"{settings.address}{RETURN}"
    console = Console(engine, store, settings, registry, now, load_words(), load_phrases(), make_pages(), key,
                      Provider(oidc, redirect, now) if oidc is not None and oidc.is_used else None, try_prompt)
    outbox = Outbox(engine, f"console@{socket.gethostname()}:{os.getpid()}", settings.address,
                    sender(console.webhook_hosts), now)
    app = Starlette(
        lifespan=delivering(outbox),
        routes=[*routes(), Mount("/api/v1", routes=api.routes()), Mount("/static", Assets(), name="static")],
        middleware=[Middleware(Guarded, settings=settings, tell=_refuse)],
        exception_handlers={HyperMatchError: _told(doors.problem, api.problem),
                            HTTPException: _told(doors.not_routed, api.not_routed),
                            Exception: _told(doors.broken, api.broken)},
    )
    app.state.console = console
    return app


def routes() -> list[Route]:
    """Return the pages; each act names the role it needs, and the act itself asks again."""
    get, post = ["GET"], ["POST"]
    return [
        Route("/", page(overview.show), methods=get),
        Route("/sign-in", page(signing.show_sign_in, None), methods=get),
        Route("/sign-in", action(signing.enter_password, None, read), methods=post),
        Route("/sign-in/provider", page(provider.leave_for_provider, None), methods=get),
        Route(RETURN, page(provider.return_from_provider, None), methods=get),
        Route("/sign-out", action(signing.leave, None), methods=post),
        Route("/sign-out-everywhere", action(signing.leave_everywhere, Role.VIEWER), methods=post),
        Route("/welcome/{link}", page(signing.show_welcome, None), methods=get),
        Route("/welcome/{link}", action(signing.accept_welcome, None), methods=post),
        Route("/language", action(signing.choose_language, None, read), methods=post),
        Route("/account", page(signing.show_account), methods=get),
        Route("/account/password", action(signing.change_password, Role.VIEWER), methods=post),
        Route("/account/tokens", action(signing.make_token, Role.VIEWER), methods=post),
        Route("/account/tokens/{token:number}/revoke", action(signing.end_token, Role.VIEWER), methods=post),
        Route("/tasks/{task}", page(task.show), methods=get),
        Route("/tasks/{task}/runs", action(task.request_run, Role.APPROVER), methods=post),
        Route("/tasks/{task}/flip/events", flips.events, methods=get),
        Route("/tasks/{task}/versions/{number:number}/give-up", action(flips.give_up, Role.APPROVER), methods=post),
        Route("/tasks/{task}/drift/{check:number}", page(drift.show), methods=get),
        *(Route(f"/tasks/{{task}}/drift/{{check:number}}/{name}", page(partial(drift.show_evidently, name=name)),
                methods=get) for name in drift.EVIDENTLY),
        Route("/tasks/{task}/versions/{number:number}", page(version.show), methods=get),
        *(Route(f"/tasks/{{task}}/versions/{{number:number}}/{act}",
                action(partial(version.decide, act=act), decision.role), methods=post)
          for act, decision in version.DECISIONS.items()),
        Route("/tasks/{task}/discovery", page(discovery.show), methods=get),
        Route("/tasks/{task}/discovery", action(discovery.request_now, Role.APPROVER), methods=post),
        *(Route(f"/tasks/{{task}}/versions/{{number:number}}/{name.value}{end}",
                action(partial(act, name=name), Role.APPROVER), methods=post)
          for name in TRIALS for end, act in (("", version.start_trial), ("/end", version.end_trial))),
        *(Route(f"/tasks/{{task}}/discovery/{{proposal:number}}/{act}",
                action(partial(discovery.decide, act=act), Role.APPROVER), methods=post)
          for act in discovery.DECISIONS),
        Route("/tasks/{task}/review", page(review.show), methods=get),
        Route("/tasks/{task}/review", action(review.claim, Role.LABELER), methods=post),
        Route("/tasks/{task}/review/undo", action(review.undo, Role.LABELER), methods=post),
        Route("/tasks/{task}/review/{item:number}/answer", action(review.answer, Role.LABELER), methods=post),
        Route("/tasks/{task}/review/{item:number}/skip", action(review.skip, Role.LABELER), methods=post),
        Route("/tasks/{task}/labels", page(labels.show), methods=get),
        Route("/tasks/{task}/labels", action(labels.import_file, Role.LABELER), methods=post),
        Route("/tasks/{task}/labels.csv", page(labels.export), methods=get),
        Route("/tasks/{task}/labels/{text:number}", page(labels.show_one), methods=get),
        Route("/tasks/{task}/labels/{text:number}/change", action(labels.change, Role.LABELER), methods=post),
        Route("/tasks/{task}/labels/{text:number}/remove", action(labels.remove, Role.LABELER), methods=post),
        Route("/runs", page(runs.show), methods=get),
        Route("/runs/{run:number}", page(runs.show_run), methods=get),
        Route("/runs/{run:number}/events", runs.events, methods=get),
        Route("/prompts", page(prompts.show), methods=get),
        Route("/prompts/{name}", page(prompts.show_one), methods=get),
        Route("/prompts/{name}/try", action(prompts.try_one, Role.LABELER, read), methods=post),
        Route("/audit", page(audit.show), methods=get),
        Route("/audit.jsonl", page(audit.export), methods=get),
        Route("/settings", page(configuration.show), methods=get),
        Route("/people", page(people.show, Role.ADMIN), methods=get),
        Route("/people", action(people.add, Role.ADMIN), methods=post),
        Route("/people/{name}/link", action(people.renew, Role.ADMIN), methods=post),
        Route("/people/{name}/role", action(people.change_role, Role.ADMIN), methods=post),
        Route("/people/{name}/disable", action(people.disable, Role.ADMIN), methods=post),
        Route("/people/{name}/enable", action(people.enable, Role.ADMIN), methods=post),
        Route("/people/{name}/remove", action(people.remove, Role.ADMIN), methods=post),
        Route("/webhooks", page(webhooks.show, Role.ADMIN), methods=get),
        Route("/webhooks", action(webhooks.add, Role.ADMIN), methods=post),
        Route("/webhooks/{name}/remove", action(webhooks.remove, Role.ADMIN), methods=post),
        Route("/livez", doors.live, methods=get),
    ]


def _refuse(request: Request, status: int, what: str) -> Response:
    return (api if request.url.path.startswith("/api/") else doors).refused(request, status, what)


def _told(on_page: Callable[[Request, Exception], Response],
          as_document: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Response]:
    """Tell an error as a page, or to programs as a problem document."""
    def tell(request: Request, error: Exception) -> Response:
        return (as_document if request.url.path.startswith("/api/") else on_page)(request, error)

    return tell
