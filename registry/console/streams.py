"""Streams: what an open page follows is told whenever it changes, until it is over."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.console.console import Console
from registry.console.doors import to_sign_in
from registry.console.visits import enter
from registry.database import read

EVENT_SECONDS = 1.0
LONGEST_STREAM_SECONDS = 600                          # a browser asks again by itself
Look = Callable[[], dict[str, Any]]


async def follow(request: Request, look: Look) -> Response:
    """Tell who is signed in what `look` returns, once a second as long as anything changes, until it `is_over`."""
    if not await run_in_threadpool(_is_signed_in, request):
        return to_sign_in(request)
    first = await run_in_threadpool(look)             # what there is not is a page of its own, not a broken stream
    return StreamingResponse(_told(first, look), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(state: dict[str, Any], look: Look) -> AsyncIterator[str]:
    last, waited = "", 0.0
    while waited < LONGEST_STREAM_SECONDS:
        told = json.dumps(state)
        if told != last:
            yield f"data: {told}\n\n"
            last = told
        if state["is_over"]:
            return
        await anyio.sleep(EVENT_SECONDS)
        waited += EVENT_SECONDS
        state = await run_in_threadpool(look)


def _is_signed_in(request: Request) -> bool:
    console: Console = request.app.state.console
    with read(console.engine) as session:
        return enter(console, request, session).person is not None
