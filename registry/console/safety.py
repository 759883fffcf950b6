"""What keeps browsers safe: security headers, bodies of bounded size, origin checks, tokens against forged forms."""

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.console.settings import ConsoleSettings
from registry.errors import NotAllowed

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                               "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; "
                               "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",                 # a one-time link must not leak by the Referer
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
FORM_ROOM_BYTES = 200_000                             # of a form beside its file


class Guarded:
    """Adds the headers to every answer and refuses bodies whose length is unknown or too large."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings, tell: Callable[[Request, int, str], Response]) -> None:
        self.app, self.settings, self.tell = app, settings, tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        request = Request(scope) if scope["type"] == "http" else None
        if request is not None and (refusal := self._refusal(request)) is not None:
            response = await run_in_threadpool(self.tell, request, *refusal)       # before any route is known
            await response(scope, receive, send_guarded)
            return
        await self.app(scope, receive, send_guarded)

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)           # what is framed in a sandbox sets its own policy
        if self.settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        headers.setdefault("Cache-Control", "no-store")      # static files set their own

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        """Return the status and why a request is not let in."""
        if b"%00" in request.scope.get("raw_path", b"") + request.scope.get("query_string", b""):
            return 400, "no address holds a zero byte"       # PostgreSQL takes none
        if request.method in ("GET", "HEAD"):
            return None
        if "transfer-encoding" in request.headers:
            return 411, "the length of the body must be stated"
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.settings.max_upload_bytes + FORM_ROOM_BYTES:
            return 413, f"this is too large: {self.settings.max_upload_bytes / 2**20:.0f} MiB are allowed"
        return None


def check_origin(request: Request, settings: ConsoleSettings) -> None:
    """Raise NotAllowed unless a form was sent from one of our own pages."""
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    sent_from = urlsplit(origin)
    ours = {request.headers.get("host", "")} | ({urlsplit(settings.url).netloc} if settings.url else set())
    if not sent_from.netloc or sent_from.netloc not in ours:
        raise NotAllowed("this form was sent from another site", "open the page again and repeat it there")


def form_token(key: str, session_id: str) -> str:
    """Return what every form of a session carries; another site cannot know it."""
    return hmac.new(key.encode(), f"form:{session_id}".encode(), hashlib.sha256).hexdigest()


def check_form_token(key: str, session_id: str, token: str) -> None:
    """Raise NotAllowed for a form that no page of this session made."""
    if not hmac.compare_digest(form_token(key, session_id).encode(), token.encode()):
        raise NotAllowed("this form is from an earlier session", "open the page again and repeat it there")
