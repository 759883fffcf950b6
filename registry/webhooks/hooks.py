"""Webhooks: which address hears of which events, and the one check of such an address."""

import re
import secrets
from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry import audit
from registry.errors import NotFound, Refused
from registry.tables import AuditEntry
from registry.webhooks.tables import Webhook, WebhookDelivery

EVENTS = ("model:passed_gate", "model:changes_requested", "model:approval_requested", "model:approved",
          "model:rejected", "model:promoted", "model:rolled_back", "model:swap_failed", "model:flip_started",
          "model:flip_given_up", "label_space:changed", "drift:alarmed", "class:proposed", "run:failed")   # audited
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def add_webhook(session: Session, name: str, url: str, *, events: Collection[str], is_slack: bool,
                hosts: Collection[str], actor: str, now: datetime) -> Webhook:
    """Tell an address of events from now on; raises Refused for an address that may not hear of them."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} is not a webhook's name", "use 1 to 63 of a-z, 0-9 and -")
    if session.get(Webhook, name) is not None:
        raise Refused(f"webhook {name} exists already")
    check_url(url, hosts)
    if not events or set(events) - set(EVENTS):
        raise Refused("a webhook needs events that there are", f"take some of {', '.join(EVENTS)}")
    hook = Webhook(name=name, url=url, secret=secrets.token_urlsafe(32), events=sorted(events), is_slack=is_slack,
                   told_until=session.exec(select(func.max(AuditEntry.number))).one() or 0, created_by=actor,
                   created_at=now)
    session.add(hook)
    session.flush()
    audit.record(session, action="webhook:added", subject=name, actor=actor, now=now,
                 details={"host": urlsplit(url).hostname, "events": sorted(events)})
    return hook


def remove_webhook(session: Session, name: str, *, actor: str, now: datetime, reason: str = "") -> None:
    """Remove a webhook with its deliveries."""
    hook = session.get(Webhook, name)
    if hook is None:
        raise NotFound(f"there is no webhook {name[:80]!r}")
    session.delete(hook)
    audit.record(session, action="webhook:removed", subject=name, actor=actor, reason=reason, now=now)


def list_webhooks(session: Session) -> list[Webhook]:
    return list(session.exec(select(Webhook).order_by(col(Webhook.name))))


def list_deliveries(session: Session, limit: int = 50) -> list[WebhookDelivery]:
    """Return the newest deliveries, newest first."""
    return list(session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.id).desc()).limit(limit)))


def check_url(url: str, hosts: Collection[str]) -> None:
    """Raise Refused unless `url` is https, names a host of the allow-list and nothing a proxy could stumble over."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise Refused("this is not an address") from None
    if parts.scheme != "https" or parts.username or parts.password or parts.fragment or not url.isprintable():
        raise Refused("a webhook's address is https://HOST/PATH, without a user", "credentials belong to the receiver")
    if parts.hostname not in hosts or not 1 <= port <= 65_535 or " " in url or len(url) > 500:
        raise Refused(f"webhooks may not go to {(parts.hostname or '')[:80]!r}",
                      "an operator names the hosts in HYPERMATCH_CONSOLE_WEBHOOK_HOSTS")
