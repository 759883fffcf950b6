"""The one place that gives errors their HTTP codes: problem documents of RFC 9457."""

import logging
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving import errors

CODES: dict[type[errors.RequestRefused], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.UnknownTask: HTTPStatus.NOT_FOUND,
    errors.OtherLabelSpace: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.NotLoaded: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
}
log = logging.getLogger("hypermatch.serving")


async def refused(request: Request, error: Exception) -> Response:
    """Answer a refused request, and log one line."""
    assert isinstance(error, errors.RequestRefused)
    code = CODES[type(error)]
    log.info("%s %s: %d %s", request.method, request.url.path[:200], code, error.what)
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, errors.Overloaded) else {}
    return problem(code, error.what, headers)


async def not_routed(request: Request, error: Exception) -> Response:
    """Answer a path or method that does not exist."""
    assert isinstance(error, HTTPException)
    return problem(HTTPStatus(error.status_code), f"{request.method} {request.url.path[:200]} is not served here",
                   dict(error.headers or {}))


async def broken(request: Request, error: Exception) -> Response:
    """Answer a defect of ours without telling the client about our insides."""
    log.error("%s %s failed", request.method, request.url.path[:200], exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect of the server; its log says more", {})


def problem(code: HTTPStatus, detail: str, headers: dict[str, str]) -> Response:
    document = {"type": "about:blank", "title": code.phrase, "status": code.value, "detail": detail}
    return Response(msgspec.json.encode(document), code, headers, "application/problem+json")
