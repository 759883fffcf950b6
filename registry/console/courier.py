"""The console's background work: webhooks are delivered from a thread beside the pages."""

import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from registry.errors import HyperMatchError
from registry.webhooks.outbox import Outbox

log = logging.getLogger("hypermatch.console")
EVERY_SECONDS = 2.0


def delivering(outbox: Outbox) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the application's lifespan: deliver as long as it runs."""
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=_deliver, args=(outbox, stop), name="webhooks", daemon=True)
        thread.start()
        yield
        stop.set()
        thread.join(1.0)                              # one that waits for a slow receiver ends with the process

    return lifespan


def _deliver(outbox: Outbox, stop: threading.Event) -> None:
    try:
        _deliver_until(outbox, stop)
        outbox.stop()
    except HyperMatchError as error:
        log.warning("the registry does not answer: %s", error)


def _deliver_until(outbox: Outbox, stop: threading.Event) -> None:
    last = ""
    while not stop.wait(EVERY_SECONDS):
        try:
            outbox.work()
            last = ""
        except HyperMatchError as error:              # the registry is away for a while; told once
            if str(error) != last:
                log.warning("webhooks wait: %s", error)
            last = str(error)
        except Exception:                             # a defect of one round; the pages live on
            log.exception("webhooks: defect")
