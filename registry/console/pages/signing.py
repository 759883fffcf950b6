"""Signing in and out, the one-time link, one's own account, and the language."""

from urllib.parse import urlsplit

from starlette.responses import Response

from registry.accounts.passwords import is_right
from registry.accounts.people import accept, get_account, invitation_of, set_password
from registry.accounts.roles import SCOPES, Person, Role
from registry.accounts.sessions import (
    begin_attempt,
    forget_old_sessions,
    is_password_right,
    open_session,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from registry.accounts.tokens import create_token, list_tokens, revoke_token
from registry.console.visits import Visit
from registry.console.words import LANGUAGES
from registry.database import write
from registry.errors import NotAllowed, Refused


def show_sign_in(visit: Visit) -> Response:
    if visit.person is not None:
        return visit.go("/")
    return visit.show("sign_in.html", name="", says="", to=visit.asked("to"))


def enter_password(visit: Visit) -> Response:
    """Sign in; the attempt counts before the password is looked at."""
    name, address = visit.given("name"), visit.request.client.host if visit.request.client else ""
    try:
        with write(visit.console.engine) as session:
            begin_attempt(session, name, address, visit.now)
    except NotAllowed as error:
        return visit.show("sign_in.html", 429, name=name, says=visit.said(error), to=visit.given("to"))
    opened = _open(visit, name, address)
    if opened is None:
        return visit.show("sign_in.html", 401, name=name, says=visit.t("sign_in.refused"), to=visit.given("to"))
    visit.session_id = opened                         # never the id from before: it may be somebody else's
    response = visit.go(own_path(visit.given("to")))
    visit.keep_session(response)
    return response


def leave(visit: Visit) -> Response:
    sign_out(visit.session, visit.session_id, now=visit.now)
    return visit.go("/sign-in")


def leave_everywhere(visit: Visit) -> Response:
    sign_out_everywhere(visit.session, visit.actor.name, actor=visit.actor.name, now=visit.now)
    return visit.go("/sign-in")


def show_welcome(visit: Visit) -> Response:
    """Show the form of a one-time link."""
    raw = visit.request.path_params["link"]
    invitation = invitation_of(visit.session, raw, visit.now)
    return visit.show("welcome.html", link=raw, account=invitation.account)


def accept_welcome(visit: Visit) -> Response:
    """Use a one-time link and sign in at once."""
    password = str(visit.form.get("password", ""))
    if password != str(visit.form.get("again", "")):
        raise Refused("the two passwords differ", "type the same one twice")
    account = accept(visit.session, visit.request.path_params["link"], name=visit.given("name"), password=password,
                     now=visit.now)
    visit.session_id = open_session(visit.session, account, visit.now)
    response = visit.go("/")
    visit.keep_session(response)
    return response


def show_account(visit: Visit) -> Response:
    return _account_page(visit)


def change_password(visit: Visit) -> Response:
    """Set a new password; every session ends but this one, which begins anew."""
    account = get_account(visit.session, visit.actor.name)
    if not is_right(account.password_hash, str(visit.form.get("old", ""))):
        raise NotAllowed("the present password is not right")
    if visit.form.get("password") != visit.form.get("again"):
        raise Refused("the two passwords differ", "type the same one twice")
    set_password(visit.session, account.name, str(visit.form.get("password", "")), actor=account.name, now=visit.now)
    visit.session_id = open_session(visit.session, account, visit.now)
    response = visit.go("/account", "password_set")
    visit.keep_session(response)
    return response


def make_token(visit: Visit) -> Response:
    """Make a token and show it, this once."""
    days = visit.given("days")
    raw = create_token(visit.session, visit.actor.name, visit.given("name"),
                       scopes=[scope for scope in SCOPES.values() if visit.given(f"scope_{scope}")],
                       days=int(days) if days.isdecimal() and len(days) < 6 else 0, actor=visit.actor.name,
                       now=visit.now)
    return _account_page(visit, raw)


def end_token(visit: Visit) -> Response:
    revoke_token(visit.session, visit.actor.name, visit.request.path_params["token"], actor=visit.actor.name,
                 now=visit.now)
    return visit.go("/account", "token_revoked")


def choose_language(visit: Visit) -> Response:
    language = visit.given("language")
    response = visit.go(own_path(visit.given("to")))
    if language in LANGUAGES:
        visit.keep_language(response, language)
    return response


def own_path(path: str) -> str:
    """Return a path of the console, so that nobody is led elsewhere after signing in."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if is_ours and path.isprintable() and "\\" not in path else "/"


def _open(visit: Visit, name: str, address: str) -> str | None:
    if not is_password_right(visit.session, name, str(visit.form.get("password", ""))):
        return None
    with write(visit.console.engine) as session:
        forget_old_sessions(session, visit.console.limits, visit.now)
        return sign_in(session, name, address, visit.now)


def _account_page(visit: Visit, raw: str = "") -> Response:
    account = get_account(visit.session, visit.actor.name)
    person = Person(account.name, Role(account.role))
    return visit.show("account.html", account=account, raw=raw, tokens=list_tokens(visit.session, account.name),
                      scopes=[scope for role, scope in SCOPES.items() if person.may(role)])
