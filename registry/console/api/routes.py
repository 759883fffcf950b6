"""The JSON API: what the pages do, for programs with a token; problem documents for all that goes wrong."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from registry.accounts.roles import Person, Role
from registry.accounts.tokens import person_of
from registry.console.api import acting, administering, installation, openapi, reading
from registry.console.api.operations import OPERATIONS
from registry.console.console import Console
from registry.console.doors import CODES, Open
from registry.database import read, write
from registry.errors import HyperMatchError, NotAllowed

MAX_BODY_BYTES = 5_000_000
B = TypeVar("B", bound=BaseModel)
Answer = Callable[[Console, Session, Person, Request], Any]
Endpoint = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
Act = Callable[[Console, Session, Person, Request, Any], Any]


class NotSignedIn(NotAllowed):
    """A request without a token that is known and alive."""


class BadRequest(HyperMatchError):
    """A body or a query that does not fit the document."""


def routes() -> list[Route]:
    """Return one route per operation of the document, which says what each takes and gives."""
    found = [Route("/openapi.json", document, methods=["GET"])]
    for operation in OPERATIONS:
        place = next(each for each in (reading, installation, acting, administering) if hasattr(each, operation.name))
        if operation.method == "GET":
            endpoint: Endpoint = _answering(getattr(place, operation.name), operation.role)
        else:
            endpoint = _acting(getattr(place, operation.name), operation.body,
                               read if operation.is_slow else write)
        found.append(Route(operation.path_for_routes, endpoint, methods=[operation.method]))
    return found


def document(_: Request) -> Response:
    return JSONResponse(openapi.document())


def problem(_: Request, error: Exception) -> Response:
    """Tell an error as RFC 9457 says."""
    assert isinstance(error, HyperMatchError)
    known = {**CODES, NotSignedIn: 401, BadRequest: 400}
    status = next((known[kind] for kind in type(error).__mro__ if kind in known), 503)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return _problem(status, error.what, error.mend, headers)


def not_routed(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, str(error.detail), "", dict(error.headers or {}))


def refused(_: Request, status: int, what: str) -> Response:
    return _problem(status, what, "")


def broken(_: Request, error: Exception) -> Response:
    return _problem(500, "this is a defect of the console", "its log tells which")


def _answering(answer: Answer, role: Role) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        console: Console = request.app.state.console
        with read(console.engine) as session:
            person = _person(console, session, request)
            person.check(role)
            return JSONResponse(answer(console, session, person, request))

    return endpoint


def _acting(act: Act, kind: type[BaseModel] | None, opens: Open) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        content = await _body(request)
        return await run_in_threadpool(_act, request, act, kind, opens, content)

    return endpoint


def _act(request: Request, act: Act, kind: type[BaseModel] | None, opens: Open, content: bytes) -> Response:
    console: Console = request.app.state.console
    with read(console.engine) as session:             # who it is, before anybody waits for the one writer
        person = _person(console, session, request)
    given = None if kind is None else _read(kind, content)
    with opens(console.engine) as session:
        return JSONResponse(act(console, session, person, request, given))


def _person(console: Console, session: Session, request: Request) -> Person:
    scheme, _, raw = request.headers.get("authorization", "").partition(" ")
    person = person_of(session, raw.strip(), console.now()) if scheme.lower() == "bearer" else None
    if person is None:
        raise NotSignedIn("this needs a token", "send `Authorization: Bearer TOKEN`; the account page makes tokens")
    return person


async def _body(request: Request) -> bytes:
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise HTTPException(413, f"a body has at most {MAX_BODY_BYTES} bytes")
    return await request.body()


def _read(kind: type[B], content: bytes) -> B:
    if b"\\u0000" in content or b"\0" in content:
        raise BadRequest("the body holds a zero byte", "no database keeps one in a text")
    try:
        return kind.model_validate_json(content or b"{}")      # a body that says nothing may be left out
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{where or 'the body'}: {first['msg']}",
                         "/api/v1/openapi.json tells what it takes") from error


def _problem(status: int, what: str, mend: str, headers: dict[str, str] | None = None) -> Response:
    content = {"type": "about:blank", "status": status, "title": what, "detail": mend}
    return JSONResponse(content, status, headers, media_type="application/problem+json")
