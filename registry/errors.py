"""The errors of HyperMatch: each says what is wrong and how to mend it."""


class HyperMatchError(Exception):
    """Something a person can mend; `what` states the facts, `mend` the way out."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what, self.mend = what, mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}" if self.mend else self.what


class RegistryError(HyperMatchError):
    """Root of what the registry refuses."""


class RegistryAway(RegistryError):
    """A registry whose database does not answer now, and may later."""


class NotFound(RegistryError):
    """A task, version, run or artifact that does not exist."""


class Refused(RegistryError):
    """An input that breaks a rule of the registry; nothing was written."""


class RunInProgress(Refused):
    """A run of a task that has a running one."""


class NotAllowed(RegistryError):
    """Something that this person, or this token, may not do."""


class IllegalMove(RegistryError):
    """A move that the life of a model version does not have."""


class Stale(RegistryError):
    """Somebody else decided meanwhile; look again before deciding."""


class CorruptArtifact(RegistryError):
    """Stored bytes that are not the bytes which were stored."""


class Unsigned(RegistryError):
    """A bundle that lacks the signature that it must have."""


class CorruptBackup(RegistryError):
    """A backup that is not what was saved."""
