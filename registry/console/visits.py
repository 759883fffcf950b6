"""One request of one browser: who it is, in which language, and the answer it gets."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, Signer
from sqlmodel import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from registry.accounts.roles import Person, Role
from registry.accounts.sessions import account_of
from registry.console.console import Console
from registry.console.phrases import say
from registry.console.rendering import told
from registry.console.safety import form_token
from registry.console.words import LANGUAGES, preferred
from registry.errors import Refused

SESSION_COOKIE, LANGUAGE_COOKIE = "hypermatch_session", "hypermatch_language"
YEAR_SECONDS = 31_536_000
LONGEST_FIELD = 2_000                                 # characters of a field of a form, passwords and files aside


@dataclass
class Visit:
    """What a page knows of the request and hands to its template."""

    console: Console
    request: Request
    session: Session
    now: datetime
    session_id: str
    is_new: bool                                      # the browser brought no session of ours
    person: Person | None
    language: str
    form: Mapping[str, Any] = field(default_factory=dict)
    file: UploadFile | None = None

    @property
    def actor(self) -> Person:
        """Return who acts; only behind a door that asked for a role."""
        assert self.person is not None
        return self.person

    def asked(self, name: str, default: str = "") -> str:
        """Return a value of the address, trimmed and cut."""
        return self.request.query_params.get(name, default).strip()[:500]

    def number(self, name: str, default: int = 1, most: int = 1_000_000) -> int:
        """Return a whole number of the address, the default for anything else."""
        given = self.request.query_params.get(name, "")
        return min(max(int(given), 1), most) if given.isdecimal() and len(given) < 10 else default

    def given(self, name: str) -> str:
        """Return a value of the form, trimmed; raises Refused for one that no page of ours would send."""
        value = str(self.form.get(name, "")).strip()
        if len(value) > LONGEST_FIELD:
            raise Refused(f"{name} has {len(value)} characters, {LONGEST_FIELD} are allowed", "say it shorter")
        return value

    def t(self, key: str, **values: Any) -> str:
        return told(self.console.words, self.language, key, values)

    def said(self, text: object) -> str:
        """Return in this visit's language what another part wrote in English, as far as it is known."""
        phrases = self.console.phrases.get(self.language)
        return say(str(text), phrases, self.console.words[self.language]) if phrases else str(text)

    def show(self, template: str, code: int = 200, **values: Any) -> Response:
        """Render a page."""
        page = self.console.pages.get_template(template).render(
            visit=self, person=self.person, t=self.t, said=self.said, now=self.now, language=self.language,
            languages=LANGUAGES, path=self.request.url.path, form_token=form_token(self.console.key, self.session_id),
            Role=Role, settings=self.console.settings, done=self._done(), **values)
        return HTMLResponse(page, code)

    def go(self, path: str, done: str = "") -> Response:
        """Send the browser to a page of ours, which says what was done."""
        separator = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{separator}done={done}" if done else path, 303)

    def leave(self, response: Response) -> Response:
        """Give a new browser its session."""
        if self.is_new:
            self.keep_session(response)
        return response

    def keep_session(self, response: Response) -> None:
        signed = _signer(self.console).sign(self.session_id).decode()
        response.set_cookie(SESSION_COOKIE, signed, httponly=True, samesite="lax", path="/",
                            secure=self.console.settings.is_https,
                            max_age=int(self.console.limits.absolute.total_seconds()))

    def keep_language(self, response: Response, language: str) -> None:
        response.set_cookie(LANGUAGE_COOKIE, language, httponly=True, samesite="lax", path="/",
                            secure=self.console.settings.is_https, max_age=YEAR_SECONDS)

    def _done(self) -> str:
        key = f"done.{self.request.query_params.get('done', '')[:60]}"
        given = self.request.query_params.get("n", "0")
        n = int(given) if given.isdecimal() and len(given) < 10 else 0
        return self.t(key, n=f"{n:,}") if key in self.console.words[self.language] else ""


def enter(console: Console, request: Request, session: Session) -> Visit:
    """Find out whose browser it is."""
    now = console.now()
    session_id = session_id_of(console, request)
    account = account_of(session, session_id, console.limits, now) if session_id else None
    person = None if account is None else Person(account.name, Role(account.role))
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    if language not in LANGUAGES:
        language = preferred(request.headers.get("accept-language", ""), console.settings.language)
    return Visit(console, request, session, now, session_id or secrets.token_urlsafe(32), not session_id, person,
                 language)


def session_id_of(console: Console, request: Request) -> str:
    """Return the session's id of a cookie that we signed, empty for any other."""
    try:
        return _signer(console).unsign(request.cookies.get(SESSION_COOKIE, "")).decode()
    except BadSignature:
        return ""


def _signer(console: Console) -> Signer:
    return Signer(console.key, salt="session", key_derivation="hmac", digest_method=hashlib.sha256)


