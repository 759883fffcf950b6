"""A small OpenID Connect provider on loopback: real keys, real signatures, PKCE and codes that work once."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "hypermatch", "only the two of us know"


@dataclass
class Person:
    """Whom the provider signs in next, and how the token about them is bent."""

    claims: dict[str, Any]
    bent: dict[str, Any] = field(default_factory=dict)            # claims that are set, or left out (None), at last
    sign: Callable[[dict[str, Any]], str] | None = None


class OidcProvider:
    """Signs in `person` without a question, as a provider does that has a session already."""

    now: Callable[[], datetime]
    person: Person

    def __init__(self) -> None:
        self.issuer = ""
        self.key, self.other_key = _key("first"), _key("first")
        self.app = Starlette(routes=[
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/keys", self._keys), Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"])])

    def begin(self, now: Callable[[], datetime]) -> None:
        """Forget what was, but for the keys."""
        self.now, self.refuses = now, ""
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.key_document: dict[str, Any] = {}        # instead of the real one

    def change_keys(self) -> None:
        self.key = _key("second")

    async def _metadata(self, _: Request) -> Response:
        self.asked.append("metadata")
        return JSONResponse({"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                             "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                             "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"]})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self.key_document or {"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code" and "openid" in asked["scope"]
        assert asked["code_challenge_method"] == "S256" and asked["nonce"] and asked["state"]
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"error": self.refuses, "state": asked["state"]} if self.refuses else {
            "code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        right = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(str(form.get("code")), None)
        if request.headers.get("authorization") != right:
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or not _fits(form, asked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 60,
                             "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        at = int(self.now().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": nonce, **self.person.claims,
                  **self.person.bent}
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.person.sign(claims) if self.person.sign else self.signed(claims, self.key)

    def signed(self, claims: dict[str, Any], key: RSAKey) -> str:
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def _key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def _fits(form: Any, asked: dict[str, str]) -> bool:
    challenge = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
    return base64.urlsafe_b64encode(challenge).decode().rstrip("=") == asked["code_challenge"]
