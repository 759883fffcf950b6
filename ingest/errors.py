"""The errors of ingest."""

from registry.errors import HyperMatchError


class IngestError(HyperMatchError):
    """Root of what ingest refuses."""


class BankError(IngestError):
    """A data bank that cannot be read or written; what was banked before is untouched."""


class VersionGone(BankError):
    """A bank version that Delta's log no longer reaches back to: it keeps 30 days."""


class DiskFull(BankError):
    """No room for the rows; no part of them is visible in the bank."""


class StaleWriter(BankError):
    """Somebody else banked these offsets meanwhile; read on from the bank's offsets."""


class BrokerAway(IngestError):
    """A broker that does not answer."""


class KafkaRefused(IngestError):
    """A request that the brokers will not serve however often it is made."""


class WorkerDied(IngestError):
    """The process that banks ended unasked; the bank is as its last commit left it."""


class UnreadableFile(IngestError):
    """A file whose rows cannot be banked."""
