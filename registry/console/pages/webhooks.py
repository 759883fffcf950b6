"""Webhooks: who is told of what, and how each delivery went; for administrators."""

from starlette.responses import Response

from registry import acts
from registry.console.visits import Visit
from registry.webhooks.hooks import EVENTS, list_deliveries, list_webhooks
from registry.webhooks.tables import Webhook


def show(visit: Visit) -> Response:
    return _page(visit)


def add(visit: Visit) -> Response:
    """Add a webhook and show its secret, this once."""
    hook = acts.add_webhook(visit.session, visit.actor, visit.given("name"), visit.given("url"),
                            events=[event for event in EVENTS if visit.given(f"event_{event}")],
                            is_slack=visit.given("format") == "slack", hosts=visit.console.webhook_hosts,
                            now=visit.now)
    return _page(visit, hook)


def remove(visit: Visit) -> Response:
    acts.remove_webhook(visit.session, visit.actor, visit.request.path_params["name"],
                        reason=visit.given("reason"), now=visit.now)
    return visit.go("/webhooks", "webhook_removed")


def _page(visit: Visit, added: Webhook | None = None) -> Response:
    return visit.show("webhooks.html", hooks=list_webhooks(visit.session), events=EVENTS, added=added,
                      deliveries=list_deliveries(visit.session), hosts=sorted(visit.console.webhook_hosts))
