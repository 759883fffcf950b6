"""Webhooks: told what happened, signed, retried; never to a host, an address or a redirect that nobody allowed."""

import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlmodel import select

from registry import acts, audit
from registry.accounts.roles import Person, Role
from registry.database import read, write
from registry.errors import NotAllowed, Refused
from registry.lifecycle.flips import GIVEN_UP, STARTED
from registry.webhooks import sending
from registry.webhooks.hooks import EVENTS, add_webhook, remove_webhook
from registry.webhooks.message import TITLES, Message, signature
from registry.webhooks.outbox import MAX_ATTEMPTS, Outbox
from registry.webhooks.sending import is_public, sender
from registry.webhooks.tables import WebhookDelivery

HOSTS = {"localhost", "hooks.example"}


class Receiver:
    """An https server on loopback that keeps what it got and answers what it is told to."""

    def __init__(self, folder):
        self.got, self.status, self.drips = [], 200, False
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key.pem",
                        "-out", f"{folder}/cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                while receiver.drips:
                    self.wfile.write(b" ")
                    time.sleep(0.05)
                self.send_response(receiver.status)
                self.send_header("location", "https://hooks.example/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        self.server.socket = own.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.trust = ssl.create_default_context(cafile=f"{folder}/cert.pem")
        self.url = f"https://localhost:{self.server.server_port}/hook?x=1"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    made = Receiver(tmp_path_factory.mktemp("tls"))
    yield made
    made.server.shutdown()


@pytest.fixture
def send(receiver):
    receiver.got.clear()
    receiver.status = 200
    return sender(HOSTS, context=receiver.trust, is_allowed=lambda _: True)


def hook(engine, receiver, now, **changed):
    with write(engine) as session:
        return add_webhook(session, **{"name": "ops", "url": receiver.url, "events": ["drift:alarmed"],
                                       "is_slack": False, "hosts": HOSTS, "actor": "root", "now": now, **changed})


def alarm(engine, now, reason="words: p 0.001"):
    with write(engine) as session:
        return audit.record(session, action="drift:alarmed", subject="intents v3", actor="trainer", reason=reason,
                            now=now).number


def deliveries(engine):
    with read(engine) as session:
        return session.exec(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()


def test_what_happens_after_is_told_once_signed_and_linked(any_engine, receiver, send, now):
    alarm(any_engine, now, "before anybody asked")
    made = hook(any_engine, receiver, now)
    number = alarm(any_engine, now)
    outbox = Outbox(any_engine, "a", "https://console.example", send, lambda: now)
    assert (outbox.work(), outbox.work()) == (1, 0)
    (path, headers, body), = receiver.got
    told = json.loads(body)
    assert path == "/hook?x=1" and told["entry"] == number
    assert told["url"] == "https://console.example/tasks/intents/versions/3"
    at, mark = (part.split("=")[1] for part in headers["X-HyperMatch-Signature"].split(","))
    assert int(at) == int(now.timestamp())
    assert mark == hmac.new(made.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert mark != signature("another secret", int(at), body)
    assert deliveries(any_engine)[0].delivered_at == now


def test_a_receiver_that_fails_is_tried_again_with_growing_patience_and_then_given_up(engine, receiver, send, now):
    hook(engine, receiver, now)
    alarm(engine, now)
    receiver.status, at, waits = 503, now, []
    for _ in range(MAX_ATTEMPTS):
        assert Outbox(engine, "a", "", send, lambda at=at: at).work() == 1
        found = deliveries(engine)[0]
        assert found.says == "answered 503"
        if found.next_at is not None:
            waits.append(found.next_at - at)
            at = found.next_at
    assert waits == sorted(waits) and waits[0] == timedelta(seconds=10) and len(waits) == MAX_ATTEMPTS - 1
    assert found.next_at is None and found.delivered_at is None
    assert Outbox(engine, "a", "", send, lambda: at + timedelta(days=1)).work() == 0


def test_one_console_delivers_at_a_time(engine, receiver, send, now):
    hook(engine, receiver, now)
    alarm(engine, now)
    assert Outbox(engine, "a", "", send, lambda: now).work() == 1
    alarm(engine, now)
    assert Outbox(engine, "b", "", send, lambda: now).work() == 0
    Outbox(engine, "a", "", send, lambda: now).stop()
    assert Outbox(engine, "b", "", send, lambda: now).work() == 1
    alarm(engine, now)
    assert Outbox(engine, "c", "", send, lambda: now + timedelta(hours=1)).work() == 1


def test_a_redirect_is_not_followed(engine, receiver, send, now):
    hook(engine, receiver, now)
    alarm(engine, now)
    receiver.status = 302
    Outbox(engine, "a", "", send, lambda: now).work()
    assert len(receiver.got) == 1 and deliveries(engine)[0].says == "answered 302"


def test_a_private_address_is_never_connected_to(receiver):
    receiver.got.clear()
    says = sender(HOSTS, context=receiver.trust)(Message(receiver.url, b"{}", {}))
    assert "not a public address" in says and not receiver.got


def test_a_name_is_looked_up_once_so_that_its_address_cannot_be_turned_after_it_was_judged(receiver, monkeypatch):
    looked_up, look_up = [], socket.getaddrinfo

    def turning(host, *rest, **more):
        if host != "localhost":
            return look_up(host, *rest, **more)
        looked_up.append(host)
        return look_up("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    receiver.got.clear()
    receiver.status = 200
    send = sender(HOSTS, context=receiver.trust, is_allowed=lambda address: address == "127.0.0.1")
    assert send(Message(receiver.url, b"{}", {})) == "" and len(receiver.got) == 1 and looked_up == ["localhost"]


def test_a_host_of_which_one_address_is_private_is_refused_whole(receiver, monkeypatch):
    def both(host, port, **_):
        found = ("93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert "10.0.0.1, which is not a public address" in sender(HOSTS)(Message(receiver.url, b"{}", {}))


def test_a_receiver_that_answers_drop_by_drop_holds_nobody_up(receiver, monkeypatch):
    monkeypatch.setattr(sending, "LONGEST_SECONDS", 0.5)
    receiver.drips, began = True, time.monotonic()
    try:
        says = sender(HOSTS, context=receiver.trust, is_allowed=lambda _: True)(Message(receiver.url, b"{}", {}))
    finally:
        receiver.drips = False
    assert says and time.monotonic() - began < 5


@pytest.mark.parametrize(("address", "expected"), [
    ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False), ("169.254.169.254", False), ("0.0.0.0", False),
    ("100.64.0.1", False), ("::1", False), ("fd00::1", False), ("fe80::1", False), ("::ffff:10.0.0.1", False),
    ("2002:0a00:0001::", False), ("64:ff9b::10.0.0.1", False), ("::10.0.0.1", False),
    ("fec0::1", False), ("240.0.0.1", False), ("224.0.0.1", False),
    ("93.184.216.34", True), ("2606:2800:220:1::1", True)])
def test_inside_addresses_are_told_from_public_ones(address, expected):
    assert is_public(address) is expected


@pytest.mark.parametrize("url", [
    "http://hooks.example/x", "https://evil.example/x", "https://user:pw@hooks.example/", "https://hooks.example#x",
    "https://hooks.example.evil.example/", "https://hooks.example:99999/", "ftp://hooks.example", "", "https://",
    "https://hooks.example/a b", "https://hooks.example/\r\nX: y", "https://169.254.169.254/"])
def test_only_https_to_a_listed_host_is_taken(engine, receiver, now, url):
    with pytest.raises(Refused):
        hook(engine, receiver, now, url=url)
    assert sender({"hooks.example"})(Message(url, b"", {}))


def test_a_name_is_taken_once_and_a_removed_webhook_hears_nothing_more(engine, receiver, send, now):
    hook(engine, receiver, now)
    with pytest.raises(Refused, match="exists already"):
        hook(engine, receiver, now)
    alarm(engine, now)
    with write(engine) as session:
        remove_webhook(session, "ops", actor="root", now=now)
    assert Outbox(engine, "a", "", send, lambda: now).work() == 0 and not receiver.got


def test_slack_gets_text_that_can_neither_link_nor_call_everybody(engine, receiver, send, now):
    hook(engine, receiver, now, is_slack=True)
    alarm(engine, now, "<!everyone> & <https://evil.example|click>")
    Outbox(engine, "a", "https://c", send, lambda: now).work()
    text = json.loads(receiver.got[0][2])["text"]
    assert text.startswith("<https://c/tasks/intents/versions/3|intents v3 drift alarm> (trainer)")
    assert "<!everyone>" not in text and "<https://evil" not in text


def test_a_version_that_needs_changes_is_told(engine, receiver, send, now):
    hook(engine, receiver, now, events=["model:changes_requested"], is_slack=True)
    with write(engine) as session:
        audit.record(session, action="model:changes_requested", subject="intents v2", actor="ada", reason="why",
                     now=now)
    Outbox(engine, "a", "https://c", send, lambda: now).work()
    assert "intents v2 needs changes> (ada)\nwhy" in json.loads(receiver.got[0][2])["text"]


def test_a_flip_that_not_all_servers_took_up_is_told(engine, receiver, send, now):
    hook(engine, receiver, now, events=["model:flip_given_up"], is_slack=True)
    with write(engine) as session:
        audit.record(session, action=GIVEN_UP, subject="intents v2", actor="serving@a:1", reason="b:2 has no memory",
                     now=now)
    Outbox(engine, "a", "https://c", send, lambda: now).work()
    text = json.loads(receiver.got[0][2])["text"]
    assert "intents v2 was given up while servers prepared it> (serving@a:1)\nb:2 has no memory" in text


def test_every_event_has_words_and_is_one_of_the_audit_log():
    assert set(TITLES) == set(EVENTS) >= {STARTED, GIVEN_UP}


def test_only_an_administrator_adds_webhooks(engine, now):
    with write(engine) as session, pytest.raises(NotAllowed):
        acts.add_webhook(session, Person("ada", Role.APPROVER), "ops", "https://hooks.example/", events=[],
                         is_slack=False, hosts=HOSTS, now=now)
