"""Speaks with the provider: where to send a browser, and what the code it comes back with is worth."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import Client, HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from registry.accounts.provider import Identity
from registry.accounts.tables import ProviderSignIn
from registry.console.oidc.addresses import is_safe
from registry.console.oidc.claims import identity_of
from registry.console.oidc.settings import OidcSettings
from registry.errors import HyperMatchError, NotAllowed

SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
FRESH = timedelta(hours=1)
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10.0


class ProviderAway(HyperMatchError):
    """The provider does not answer, or not as one."""


class Provider:
    """One provider; what it says of itself and its keys are asked for again after an hour."""

    def __init__(self, settings: OidcSettings, redirect: str, now: Callable[[], datetime]) -> None:
        self.settings, self.redirect, self.now = settings, redirect, now
        self._known: tuple[datetime, Mapping[str, Any]] | None = None

    def address(self, state: str, begun: ProviderSignIn) -> str:
        """Return where to send a browser; raises ProviderAway."""
        address, _ = self._client().create_authorization_url(
            self._metadata()["authorization_endpoint"], state=state, nonce=begun.nonce, code_verifier=begun.verifier)
        return str(address)

    def identity(self, code: str, begun: ProviderSignIn) -> Identity:
        """Return who the code is about; raises NotAllowed for a code or a token that is not for us and not for now."""
        metadata = self._metadata()
        try:
            with self._client() as client:
                token = client.fetch_token(metadata["token_endpoint"], grant_type="authorization_code", code=code,
                                           code_verifier=begun.verifier)
            return identity_of(self._verified(token, begun.nonce, metadata), self.settings)
        except AuthlibBaseError as error:
            raise NotAllowed(f"the provider refuses: {error}"[:300], "sign in again") from error
        except JoseError as error:
            raise NotAllowed(f"the provider's token is not valid: {error}"[:300], "sign in again") from error
        except (HTTPError, ValueError, TypeError, KeyError) as error:     # keys or claims that are none
            raise self._away(error) from error

    def _verified(self, token: Mapping[str, Any], nonce: str, metadata: Mapping[str, Any]) -> CodeIDToken:
        """Return the claims of a token that the provider signed, for us, for this sign-in and for now."""
        keys = KeySet.import_key_set(self._ask(metadata["jwks_uri"]))
        found = jwt.decode(str(token.get("id_token", "")), keys,
                           registry=JWSRegistry(algorithms=SIGNED_BY, strict_check_header=False))
        claims = CodeIDToken(found.claims, found.header,
                             {"iss": {"essential": True, "value": self.settings.issuer},
                              "aud": {"essential": True, "value": self.settings.client_id}},
                             {"nonce": nonce, "client_id": self.settings.client_id,
                              "access_token": token.get("access_token")})
        claims.validate(now=int(self.now().timestamp()), leeway=LEEWAY_SECONDS)
        return claims

    def _metadata(self) -> Mapping[str, Any]:
        now = self.now()
        if self._known is None or now - self._known[0] >= FRESH:
            self._known = now, self._discovered()
        return self._known[1]

    def _discovered(self) -> Mapping[str, Any]:
        found = self._ask(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.settings.issuer:
            raise self._away(f"it calls itself {str(found.get('issuer'))[:100]!r}")
        if unsafe := [name for name in ENDPOINTS if not is_safe(found.get(name))]:
            raise self._away(f"its {unsafe[0]} is no https address")
        return found

    def _ask(self, address: str) -> Any:
        try:
            with Client(timeout=TIMEOUT_SECONDS) as client:       # follows no redirect
                answer = client.get(address)
            content = answer.raise_for_status().json() if answer.status_code == 200 else None
        except (HTTPError, ValueError) as error:
            raise self._away(error) from error
        if not isinstance(content, dict):
            raise self._away(f"{address} answered {answer.status_code}, no document")
        return content

    def _client(self) -> OAuth2Client:
        secret = self.settings.client_secret
        return OAuth2Client(self.settings.client_id, secret.get_secret_value() if secret else None,
                            scope=self.settings.scopes, redirect_uri=self.redirect, code_challenge_method="S256",
                            timeout=TIMEOUT_SECONDS)

    def _away(self, why: object) -> ProviderAway:
        return ProviderAway(f"the provider {self.settings.issuer} does not answer as one: {why}"[:400],
                            "try again, or sign in with a password; an operator checks HYPERMATCH_CONSOLE_OIDC_ISSUER")
