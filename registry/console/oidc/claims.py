"""What a verified token says of somebody: a name, a subject, and the role that our settings make of it."""

from collections.abc import Mapping
from typing import Any

from registry.accounts.provider import Identity
from registry.accounts.roles import RANKS, Role
from registry.console.oidc.settings import EVERYONE, OidcSettings
from registry.errors import NotAllowed

MAX_SUBJECT_CHARS = 255                               # of the standard


def identity_of(claims: Mapping[str, Any], settings: OidcSettings) -> Identity:
    """Return who the claims are about; raises NotAllowed if they do not say."""
    subject, name = claims.get("sub"), _at(claims, settings.name_claim)
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_CHARS or not subject.isprintable():
        raise NotAllowed("the provider does not say who you are")
    if not isinstance(name, str) or not name:
        raise NotAllowed(f"the provider does not tell your {settings.name_claim!r}",
                         "an operator chooses another claim: HYPERMATCH_CONSOLE_OIDC_NAME_CLAIM")
    if settings.name_claim == "email" and claims.get("email_verified") is not True:
        raise NotAllowed("the provider has not verified your email address")
    return Identity(settings.issuer, subject, name.lower(), role_of(claims, settings))


def role_of(claims: Mapping[str, Any], settings: OidcSettings) -> Role | None:
    """Return the highest role that a value of the claim gives, None if none of them does."""
    given, known = _at(claims, settings.role_claim), settings.role_of
    values = [EVERYONE, *(given if isinstance(given, list) else [given])]
    found = [known[value] for value in values if isinstance(value, str) and value in known]
    return max(found, key=RANKS.__getitem__, default=None)


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by its path if no claim has this name."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
