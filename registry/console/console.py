"""The parts that every page uses, built once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jinja2 import Environment
from sqlalchemy import Engine

from registry.accounts.sessions import Limits
from registry.artifacts.store import ArtifactStore
from registry.console.oidc.provider import Provider
from registry.console.phrases import Phrases
from registry.console.settings import ConsoleSettings
from registry.console.words import Words
from registry.prompt_trials import Try
from registry.settings import RegistrySettings
from registry.signing import Signer, open_signer


@dataclass(frozen=True)
class Console:
    """What the routes share: where things are, the clock, the words, the key that signs."""

    engine: Engine
    store: ArtifactStore
    settings: ConsoleSettings
    registry: RegistrySettings
    now: Callable[[], datetime]
    words: Words
    phrases: Phrases
    pages: Environment
    key: str
    provider: Provider | None = None                  # through which people may sign in
    try_prompt: Try | None = None                     # None: this console knows no trainer

    @property
    def signer(self) -> Signer | None:
        """Read the key anew each time: a changed key counts at once."""
        return open_signer(self.registry.signing_key)

    @property
    def limits(self) -> Limits:
        return Limits(timedelta(minutes=self.settings.idle_minutes), timedelta(hours=self.settings.session_hours))

    @property
    def webhook_hosts(self) -> frozenset[str]:
        """Hosts that webhooks may go to."""
        return frozenset(host.strip().lower() for host in self.settings.webhook_hosts.split(",") if host.strip())
