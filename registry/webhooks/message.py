"""What a webhook says: a body for programs or for Slack, signed together with its time."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime

from registry.tables import AuditEntry
from registry.webhooks.tables import Webhook, WebhookDelivery

TITLES = {
    "model:passed_gate": "awaits approval", "model:changes_requested": "needs changes",
    "model:approval_requested": "awaits approval again", "model:approved": "was approved",
    "model:rejected": "was rejected", "model:promoted": "is the champion",
    "model:rolled_back": "is the champion again", "model:swap_failed": "could not be loaded by a server",
    "model:flip_started": "is prepared by all servers", "model:flip_given_up": "was given up while servers prepared it",
    "label_space:changed": "answers with other labels", "drift:alarmed": "drift alarm",
    "class:proposed": "new classes proposed", "run:failed": "failed",
}


@dataclass(frozen=True)
class Message:
    """A signed body and where it goes."""

    url: str
    body: bytes
    headers: dict[str, str]


def message_of(delivery: WebhookDelivery, hook: Webhook, entry: AuditEntry, address: str, now: datetime) -> Message:
    """Return the message of one attempt; the signature covers the time, so that an old one cannot be played again."""
    content = _slack(entry, address) if hook.is_slack else _plain(entry, address)
    body = json.dumps(content, ensure_ascii=False).encode()
    at = int(now.timestamp())
    return Message(hook.url, body, {
        "Content-Type": "application/json; charset=utf-8", "User-Agent": "HyperMatch",
        "X-HyperMatch-Event": entry.action, "X-HyperMatch-Delivery": str(delivery.id),
        "X-HyperMatch-Signature": f"t={at},v1={signature(hook.secret, at, body)}"})


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the HMAC-SHA256 of `<time>.<body>`, which a receiver computes too and compares."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def link_of(subject: str, address: str) -> str:
    """Return the page that a subject such as `intents v3` is about."""
    task, _, rest = subject.partition(" ")
    place = f"/versions/{rest[1:]}" if rest[:1] == "v" and rest[1:].isdecimal() else ""
    return f"{address}/tasks/{task}{place}"


def _plain(entry: AuditEntry, address: str) -> dict[str, object]:
    return {"event": entry.action, "entry": entry.number, "at": entry.at.isoformat(), "subject": entry.subject,
            "actor": entry.actor, "reason": entry.reason, "details": entry.details,
            "url": link_of(entry.subject, address)}


def _slack(entry: AuditEntry, address: str) -> dict[str, object]:
    says = _quiet(f"{entry.subject} {TITLES.get(entry.action, entry.action)}")
    why = f"\n{_quiet(entry.reason)[:1_000]}" if entry.reason else ""
    return {"text": f"<{link_of(_quiet(entry.subject), address)}|{says}> ({_quiet(entry.actor)}){why}"}


def _quiet(text: str) -> str:
    """Escape as Slack asks, so that nothing in a text becomes a link or calls everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "¦")
