"""The HTTP face of serving: parse, call one function, answer."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving import openapi, problems, protocol
from serving.batcher import Answer
from serving.errors import NotLoaded, RequestRefused, TooLarge, WrongMediaType
from serving.slot import Loaded
from serving.worker import Worker

Shape = Callable[[Answer, list[dict[str, Any]], int | None], dict[str, Any]]
Open = Callable[[], AbstractAsyncContextManager[Worker]]


def create_app(open_worker: Open) -> Starlette:
    """Return the application; its worker is opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_worker() as worker:
            app.state.worker = worker
            yield

    return Starlette(
        routes=[
            Route("/v1/tasks/{task}/predict", predict, methods=["POST"]),
            Route("/v1/info", info),
            Route("/v1/openapi.json", document),
            Route("/v2", server_metadata),
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            Route("/v2/models/{task}", model_metadata),
            Route("/v2/models/{task}/ready", model_ready),
            Route("/v2/models/{task}/infer", infer, methods=["POST"]),
            Route("/v2/models/{task}/versions/{version}", model_metadata),
            Route("/v2/models/{task}/versions/{version}/ready", model_ready),
            Route("/v2/models/{task}/versions/{version}/infer", infer, methods=["POST"]),
            Route("/livez", live),
            Route("/readyz", ready),
        ],
        lifespan=lifespan,
        exception_handlers={RequestRefused: problems.refused, HTTPException: problems.not_routed,
                            Exception: problems.broken},
    )


async def predict(request: Request) -> Response:
    """Answer texts in HyperMatch's own form."""
    worker = _worker(request)
    texts, wishes = protocol.read_predict(await _body(request, worker.max_body_bytes), worker.limits)
    return await _answered(worker, request.path_params["task"], texts, wishes, protocol.predictions)


async def infer(request: Request) -> Response:
    """Answer texts in the form of the Open Inference Protocol."""
    worker, task = _worker(request), request.path_params["task"]
    if "version" in request.path_params:
        _loaded(request)                              # a pinned version that does not answer here is a 404
    request_id, texts, wishes = protocol.read_infer(await _body(request, worker.max_body_bytes), worker.limits)
    request_id = request_id or uuid.uuid4().hex
    shape = partial(protocol.inference, task, request_id)
    return await _answered(worker, task, texts, wishes, shape, request.path_params.get("version"))


async def info(request: Request) -> Response:
    return _json(_worker(request).info())


async def document(request: Request) -> Response:
    """Describe all of this, with the limits of this server."""
    return _json(openapi.document(_worker(request).limits))


async def server_metadata(_: Request) -> Response:
    return _json({"name": "hypermatch", "version": "2", "extensions": []})


async def model_metadata(request: Request) -> Response:
    loaded = _loaded(request)
    return _json(protocol.metadata(request.path_params["task"], loaded.version_number, loaded.label_space,
                                   loaded.predictor.labels))


async def model_ready(request: Request) -> Response:
    _loaded(request)
    return _json({"ready": True})


async def live(_: Request) -> Response:
    return _json({"live": True})


async def ready(request: Request) -> Response:
    """Ready means: everything that the registry wants served is served."""
    if not _worker(request).is_ready:
        raise NotLoaded("not everything that is wanted is loaded")
    return _json({"ready": True})


async def _answered(worker: Worker, task: str, texts: list[str], wishes: protocol.Wishes, shape: Shape,
                    version: str | None = None) -> Response:
    """Answer in the label space that the client pinned; what is published, if it may be, is the whole answer."""
    begun = time.perf_counter()
    known = task if task in worker.slots else ""      # unknown names must not become metrics of their own
    try:
        answer = await worker.answer(task, texts, version)
        columns = protocol.pinned(answer.by, wishes.label_space)
    except RequestRefused as error:
        worker.metrics.request(known, problems.CODES[type(error)], time.perf_counter() - begun)
        raise
    told = protocol.rows(answer)
    if wishes.is_banked:
        worker.publish(task, texts, answer, told)
    worker.metrics.request(known, 200, time.perf_counter() - begun)
    return _json(shape(answer, told if columns is None else protocol.rows(answer, columns), wishes.label_space))


async def _body(request: Request, max_bytes: int) -> bytes:
    """Read the body as far as it is allowed; raises WrongMediaType or TooLarge before reading what is too much."""
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongMediaType(f"the body is {kind[:80]}, application/json is read")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise TooLarge(f"the body has {declared} bytes, {max_bytes} are allowed")
    chunks, n_bytes = [], 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise TooLarge(f"the body has more than the {max_bytes} bytes that are allowed")
        chunks.append(chunk)
    return b"".join(chunks)


def _loaded(request: Request) -> Loaded:
    """Return what answers for the task of the path, if the path names no other version."""
    return _worker(request).loaded(request.path_params["task"], request.path_params.get("version"))


def _worker(request: Request) -> Worker:
    worker: Worker = request.app.state.worker
    return worker


def _json(content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
