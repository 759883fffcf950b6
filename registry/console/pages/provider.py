"""Signing in through the provider: the way there and the way back."""

from starlette.responses import RedirectResponse, Response

from registry.accounts.provider import admit, begin_sign_in, take_sign_in
from registry.accounts.sessions import forget_old_sessions, open_session
from registry.console.oidc.provider import Provider
from registry.console.pages.signing import own_path
from registry.console.visits import Visit
from registry.database import write
from registry.errors import NotAllowed, NotFound


def leave_for_provider(visit: Visit) -> Response:
    """Send the browser to the provider."""
    provider = _provider(visit)
    with write(visit.console.engine) as session:
        state, begun = begin_sign_in(session, visit.session_id, own_path(visit.asked("to", "/")), visit.now)
    return RedirectResponse(provider.address(state, begun), 303)


def return_from_provider(visit: Visit) -> Response:
    """Take the browser back: its state counts once, whatever comes of it."""
    provider = _provider(visit)
    with write(visit.console.engine) as session:
        begun = take_sign_in(session, visit.session_id, visit.asked("state"), visit.now)
    identity = provider.identity(_code(visit, provider), begun)         # asks the provider: in no transaction
    with write(visit.console.engine) as session:
        admission = admit(session, identity, now=visit.now)
        if admission.account is not None:
            forget_old_sessions(session, visit.console.limits, visit.now)
            visit.session_id = open_session(session, admission.account, visit.now)
    if admission.account is None:
        return visit.show("sign_in.html", 403, name="", says=admission.says, to="")
    response = visit.go(own_path(begun.wanted))
    visit.keep_session(response)
    return response


def _code(visit: Visit, provider: Provider) -> str:
    """Return the code; raises NotAllowed if the provider sent none, or if somebody else did."""
    asked = visit.request.query_params
    if asked.get("iss", provider.settings.issuer) != provider.settings.issuer:
        raise NotAllowed("this answer is of another provider", "sign in again")
    if "code" not in asked:
        why = asked.get("error_description") or asked.get("error") or "it sent no code"
        raise NotAllowed(f"the provider refuses: {why[:200]}", "sign in again")
    return asked["code"][:4_000]


def _provider(visit: Visit) -> Provider:
    if visit.console.provider is None:
        raise NotFound("no provider signs people in here", "an operator names one: HYPERMATCH_CONSOLE_OIDC_ISSUER")
    return visit.console.provider
