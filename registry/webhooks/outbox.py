"""The outbox: the audit log itself, read from where each webhook was last told; deliveries retried with patience."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func
from sqlmodel import Session, col, select

from registry.database import read, write
from registry.leases import acquire, release
from registry.tables import AuditEntry
from registry.webhooks.hooks import list_webhooks
from registry.webhooks.message import Message, message_of
from registry.webhooks.tables import Webhook, WebhookDelivery

MAX_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=10)                    # three times as long after each: two hours before the last
KEPT = timedelta(days=30)
AT_ONCE = 20
LEASE, LEASE_LASTS = "webhooks", timedelta(minutes=10)
Send = Callable[[Message], str]                       # "" if it was taken, else what went wrong


@dataclass(frozen=True)
class Outbox:
    """Delivers what is due; one console of an installation at a time."""

    engine: Engine
    holder: str
    address: str                                      # of the console, for the links in messages
    send: Send
    now: Callable[[], datetime]

    def work(self) -> int:
        """Queue what happened, send what is due, and return how many were sent or tried."""
        if not self._has_work():
            return 0
        with write(self.engine) as session:
            if acquire(session, LEASE, self.holder, duration=LEASE_LASTS, now=self.now()) is None:
                return 0
            queue(session, self.now())
        messages = self._due()
        for delivery_id, message in messages:
            says = self.send(message)                 # may take seconds: in no transaction
            with write(self.engine) as session:
                settle(session, delivery_id, says, self.now())
        return len(messages)

    def stop(self) -> None:
        """Let another console deliver at once."""
        with write(self.engine) as session:
            release(session, LEASE, self.holder, now=self.now())

    def _has_work(self) -> bool:
        """Look without taking the one place of a writer: mostly there is nothing to do."""
        with read(self.engine) as session:
            told = session.exec(select(func.min(Webhook.told_until))).one()
            if told is None:
                return False
            newest = session.exec(select(func.max(AuditEntry.number))).one() or 0
            due = select(WebhookDelivery.id).where(col(WebhookDelivery.next_at) <= self.now()).limit(1)
            return told < newest or session.exec(due).first() is not None

    def _due(self) -> list[tuple[int, Message]]:
        query = (select(WebhookDelivery, Webhook, AuditEntry)
                 .join(Webhook, col(Webhook.name) == WebhookDelivery.webhook)
                 .join(AuditEntry, col(AuditEntry.number) == WebhookDelivery.entry)
                 .where(col(WebhookDelivery.next_at) <= self.now())
                 .order_by(col(WebhookDelivery.next_at)).limit(AT_ONCE))
        with read(self.engine) as session:
            return [(delivery.id or 0, message_of(delivery, hook, entry, self.address, self.now()))
                    for delivery, hook, entry in session.exec(query)]


def queue(session: Session, now: datetime) -> int:
    """Make a delivery of each entry that a webhook asked for and was not told of; return how many."""
    newest = session.exec(select(func.max(AuditEntry.number))).one() or 0
    n_queued = 0
    for hook in list_webhooks(session):
        query = select(AuditEntry).where(AuditEntry.number > hook.told_until, AuditEntry.number <= newest,
                                         col(AuditEntry.action).in_(hook.events)).order_by(col(AuditEntry.number))
        for entry in session.exec(query).all():
            session.add(WebhookDelivery(webhook=hook.name, entry=entry.number, event=entry.action, next_at=now,
                                        created_at=now))
            n_queued += 1
        hook.told_until = newest
    old = (col(WebhookDelivery.created_at) < now - KEPT) & col(WebhookDelivery.next_at).is_(None)
    session.exec(delete(WebhookDelivery).where(old))  # type: ignore[call-overload]
    return n_queued


def settle(session: Session, delivery_id: int, says: str, now: datetime) -> None:
    """Write down what an attempt met: delivered, again later, or given up."""
    delivery = session.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.next_at is None:  # its webhook was removed meanwhile
        return
    delivery.n_attempts += 1
    delivery.says = says[:500]
    if not says:
        delivery.delivered_at, delivery.next_at = now, None
    elif delivery.n_attempts >= MAX_ATTEMPTS:
        delivery.next_at = None
    else:
        delivery.next_at = now + FIRST_WAIT * 3 ** (delivery.n_attempts - 1)
