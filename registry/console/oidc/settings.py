"""Which provider signs people in, and which roles it gives: `HYPERMATCH_CONSOLE_OIDC_<FIELD>`."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from registry.accounts.roles import Role
from registry.console.oidc.addresses import is_safe

EVERYONE = "*"


class OidcSettings(BaseSettings):
    """Which provider signs people in, and which roles it gives: `HYPERMATCH_CONSOLE_OIDC_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_CONSOLE_OIDC_", frozen=True)

    issuer: str = Field("", max_length=300, description="Address of an OpenID Connect provider through which people "
                                                        "sign in, exactly as it names itself; empty: none.")
    client_id: str = Field("", description="Name of this console at the provider.")
    client_secret: SecretStr | None = Field(None, description="Secret of this console at the provider; a public "
                                                              "client has none.")
    title: str = Field("Single sign-on", max_length=60, description="What the button to the provider says.")
    scopes: str = Field("openid profile email", description="What the provider is asked to tell.")
    name_claim: str = Field("preferred_username", description="Claim that names a new account; `email` only counts "
                                                              "where the provider has verified it.")
    role_claim: str = Field("groups", description="Claim that decides on the role, `a.b` for one inside another.")
    roles: str = Field("", description="Which of its values is which role, `hm-admins=admin,staff=viewer`; `*` is "
                                       "everybody the provider lets in. The highest counts.")

    @field_validator("issuer")
    @classmethod
    def _is_address(cls, issuer: str) -> str:
        if issuer and not is_safe(issuer):
            raise ValueError("must be https://HOST (http only for this very machine)")
        return issuer

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, roles: str) -> str:
        for value, role in _pairs(roles):
            if not value or role not in list(Role):
                raise ValueError(f"must be VALUE=ROLE,...; roles are {', '.join(Role)}")
        return roles

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.issuer and not (self.client_id and self.roles and "openid" in self.scopes.split()):
            raise ValueError("an issuer needs client_id, roles and the scope openid")
        return self

    @property
    def is_used(self) -> bool:
        return bool(self.issuer)

    @property
    def role_of(self) -> dict[str, Role]:
        """Return the role that each value of the claim gives."""
        return {value: Role(role) for value, role in _pairs(self.roles)}


def _pairs(roles: str) -> list[tuple[str, str]]:
    found = [each.rpartition("=") for each in roles.split(",") if each.strip()]
    return [(value.strip(), role.strip()) for value, _, role in found]
