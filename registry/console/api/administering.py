"""What the API does for administrators: people and webhooks; no hash is told, and a secret once, when it is made."""

from collections.abc import Callable

from sqlmodel import Session
from starlette.requests import Request

from registry import acts
from registry.accounts.people import get_account, list_accounts
from registry.accounts.roles import Person
from registry.accounts.tables import Account
from registry.console.api import payloads
from registry.console.api.reading import Json, row_of
from registry.console.console import Console
from registry.webhooks.hooks import list_deliveries, list_webhooks


def people(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [_told(account) for account in list_accounts(session)]}


def add_person(console: Console, session: Session, person: Person, _: Request, given: payloads.NewPerson) -> Json:
    raw = acts.add_person(session, person, given.name, given.role, now=console.now())
    return {**_told(get_account(session, given.name)), "link": _link(console, raw)}


def invite_person(console: Console, session: Session, person: Person, request: Request, _: None) -> Json:
    raw = acts.invite_person(session, person, _name(request), now=console.now())
    return {**_told(get_account(session, _name(request))), "link": _link(console, raw)}


def change_role(console: Console, session: Session, person: Person, request: Request, given: payloads.NewRole) -> Json:
    acts.change_role(session, person, _name(request), given.role, reason=given.reason, now=console.now())
    return _told(get_account(session, _name(request)))


def disable_person(console: Console, session: Session, person: Person, request: Request,
                   given: payloads.Excused) -> Json:
    return _switched(acts.disable_person, console, session, person, request, given)


def enable_person(console: Console, session: Session, person: Person, request: Request,
                  given: payloads.Excused) -> Json:
    return _switched(acts.enable_person, console, session, person, request, given)


def remove_person(console: Console, session: Session, person: Person, request: Request,
                  given: payloads.Excused) -> Json:
    acts.remove_person(session, person, _name(request), reason=given.reason, now=console.now())
    return {"removed": _name(request)}


def webhooks(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [row_of(hook, exclude={"secret"}) for hook in list_webhooks(session)]}


def deliveries(_: Console, session: Session, __: Person, ___: Request) -> Json:
    return {"items": [row_of(delivery) for delivery in list_deliveries(session)]}


def add_webhook(console: Console, session: Session, person: Person, _: Request, given: payloads.NewWebhook) -> Json:
    return row_of(acts.add_webhook(session, person, given.name, given.url, events=given.events,
                                   is_slack=given.is_slack, hosts=console.webhook_hosts, now=console.now()))


def remove_webhook(console: Console, session: Session, person: Person, request: Request,
                   given: payloads.Excused) -> Json:
    acts.remove_webhook(session, person, _name(request), reason=given.reason, now=console.now())
    return {"removed": _name(request)}


def _switched(act: Callable[..., None], console: Console, session: Session, person: Person, request: Request,
              given: payloads.Excused) -> Json:
    act(session, person, _name(request), reason=given.reason, now=console.now())
    return _told(get_account(session, _name(request)))


def _told(account: Account) -> Json:
    return row_of(account, exclude={"password_hash"}) | {"has_password": account.password_hash is not None}


def _link(console: Console, raw: str) -> str:
    return f"{console.settings.address}/welcome/{raw}"


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return name
