"""Sends one message over https to an address that was looked up, judged and is then the very one connected to."""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

from registry.errors import Refused
from registry.webhooks.hooks import check_url
from registry.webhooks.message import Message

TIMEOUT_SECONDS = 10.0                                # of one step: connecting, sending, a piece of the answer
LONGEST_SECONDS = 30.0                                # of all together


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the Internet rather than to somebody's inside."""
    found = ipaddress.ip_address(address)
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None) or found
    is_odd = found.is_multicast or found.is_reserved or getattr(found, "is_site_local", False)    # NAT64 and the like
    return found.is_global and inner.is_global and not is_odd


def sender(hosts: Collection[str], *, context: ssl.SSLContext | None = None,
           is_allowed: Callable[[str], bool] = is_public) -> Callable[[Message], str]:
    """Return what sends messages to these hosts only."""
    return partial(_send, hosts=hosts, context=context or ssl.create_default_context(), is_allowed=is_allowed)


def _send(message: Message, hosts: Collection[str], context: ssl.SSLContext,
          is_allowed: Callable[[str], bool]) -> str:
    """Return "" if the receiver took it, else what went wrong; a redirect is not followed and counts as refused."""
    try:
        check_url(message.url, hosts)                 # again: the list may have changed since it was added
        status = _post(message, context, is_allowed)
    except Refused as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if 200 <= status < 300 else f"answered {status}"


def _post(message: Message, context: ssl.SSLContext, is_allowed: Callable[[str], bool]) -> int:
    parts = urlsplit(message.url)
    host, port = parts.hostname or "", parts.port or 443
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    plain = socket.create_connection((_address_of(host, port, is_allowed), port), TIMEOUT_SECONDS)
    with _for_a_while(plain), context.wrap_socket(plain, server_hostname=host) as connection.sock:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", target, message.body, message.headers)
        return connection.getresponse().status


@contextmanager
def _for_a_while(plain: socket.socket) -> Iterator[None]:
    """Shut a connection that lasts too long, so that no receiver holds up what goes to others."""
    with plain, plain.dup() as same:                  # `plain` itself is handed over to TLS
        ending = threading.Timer(LONGEST_SECONDS, _shut, [same])
        ending.daemon = True
        ending.start()
        try:
            yield
        finally:
            ending.cancel()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):                           # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _address_of(host: str, port: int, is_allowed: Callable[[str], bool]) -> str:
    """Look the host up once; raises Refused if any of its addresses is private, so that no lookup can be turned."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not is_allowed(address):
            raise Refused(f"{host} is at {address}, which is not a public address")
    return found[0]
