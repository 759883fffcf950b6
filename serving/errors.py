"""What serving refuses, and why; the HTTP code of each is given in one place, `serving/problems.py`."""

from registry.errors import HyperMatchError


class ServingError(HyperMatchError):
    """Root of what serving refuses."""


class UnfitBundle(ServingError):
    """A bundle whose bytes are sound but which no server may load."""


class GoldenMismatch(UnfitBundle):
    """A bundle that does not reproduce the answers recorded at its export."""


class NoProvider(ServingError):
    """An execution provider that does not exist here."""


class NotPublished(ServingError):
    """An event that no broker took."""


class RequestRefused(ServingError):
    """Root of what a client sees as a problem document."""


class Malformed(RequestRefused):
    """A body that is not UTF-8 JSON."""


class Unprocessable(RequestRefused):
    """JSON of the wrong shape."""


class TooLarge(RequestRefused):
    """A body or a text beyond its limit."""


class WrongMediaType(RequestRefused):
    """A body that does not claim to be JSON."""


class UnknownTask(RequestRefused):
    """A task, version or path that this server does not serve."""


class OtherLabelSpace(RequestRefused):
    """A pinned label space that what answers cannot be mapped to."""


class NotLoaded(RequestRefused):
    """A task whose model is not loaded yet."""


class Overloaded(RequestRefused):
    """More texts are waiting than the queue holds."""

    def __init__(self, what: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = max(retry_after_seconds, 1)
        super().__init__(what, f"try again in {self.retry_after_seconds} s")


class DeadlineExceeded(RequestRefused):
    """No answer within the time that a request is given."""
