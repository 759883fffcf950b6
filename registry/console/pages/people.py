"""People: accounts and their roles, for administrators."""

from starlette.responses import Response

from registry import acts
from registry.accounts.people import list_accounts
from registry.accounts.roles import Role
from registry.console.visits import Visit
from registry.errors import Refused


def show(visit: Visit) -> Response:
    return _page(visit)


def add(visit: Visit) -> Response:
    """Add an account and show the link that sets its password, this once."""
    raw = acts.add_person(visit.session, visit.actor, visit.given("name"), _role(visit), now=visit.now)
    return _page(visit, visit.given("name"), raw)


def renew(visit: Visit) -> Response:
    """Show a new link that sets the password of an account."""
    name = visit.request.path_params["name"]
    return _page(visit, name, acts.invite_person(visit.session, visit.actor, name, now=visit.now))


def change_role(visit: Visit) -> Response:
    acts.change_role(visit.session, visit.actor, visit.request.path_params["name"], _role(visit),
                     reason=visit.given("reason"), now=visit.now)
    return visit.go("/people", "role_changed")


def disable(visit: Visit) -> Response:
    acts.disable_person(visit.session, visit.actor, visit.request.path_params["name"], reason=visit.given("reason"),
                        now=visit.now)
    return visit.go("/people", "account_disabled")


def enable(visit: Visit) -> Response:
    acts.enable_person(visit.session, visit.actor, visit.request.path_params["name"], reason=visit.given("reason"),
                       now=visit.now)
    return visit.go("/people", "account_enabled")


def remove(visit: Visit) -> Response:
    acts.remove_person(visit.session, visit.actor, visit.request.path_params["name"], reason=visit.given("reason"),
                       now=visit.now)
    return visit.go("/people", "account_removed")


def _role(visit: Visit) -> Role:
    if visit.given("role") not in list(Role):
        raise Refused("choose a role")
    return Role(visit.given("role"))


def _page(visit: Visit, invited: str = "", raw: str = "") -> Response:
    link = f"{visit.console.settings.address}/welcome/{raw}" if raw else ""
    return visit.show("people.html", accounts=list_accounts(visit.session), roles=list(Role), invited=invited,
                      link=link)
