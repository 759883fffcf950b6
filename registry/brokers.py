"""How the brokers of Kafka are reached, the same for every process that speaks with them; opens no client."""

from typing import Any, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

BOOTSTRAP_MS = 10_000                          # a broker that takes connections answers sooner or not at all
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


class KafkaSettings(BaseSettings):
    """Brokers, encryption and identity; whoever inherits it gives the prefix of the environment variables."""

    brokers: str
    broker_api_version: str = Field("", description="Version spoken with the brokers, such as `2.3`, which the "
                                    "embedded broker needs; found out by asking if empty.")
    security_protocol: str = Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    ssl_ca_file: str | None = Field(None, description="Certificate authority of the brokers (PEM).")
    ssl_certificate_file: str | None = Field(None, description="Certificate of this client (PEM).")
    ssl_key_file: str | None = Field(None, description="Key of this client (PEM).")
    sasl_mechanism: str | None = Field(None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
    sasl_username: str | None = Field(None, description="User for SASL.")
    sasl_password: SecretStr | None = Field(None, description="Password for SASL.")

    @model_validator(mode="after")
    def say_what_cannot_be(self) -> Self:
        prefix = self.model_config.get("env_prefix", "")
        if self.security_protocol not in PROTOCOLS:
            raise ValueError(f"{prefix}SECURITY_PROTOCOL must be one of {', '.join(PROTOCOLS)}")
        if self.security_protocol.startswith("SASL") and not (
                self.sasl_mechanism and self.sasl_username and self.sasl_password):
            raise ValueError(f"SASL needs {prefix}SASL_MECHANISM, {prefix}SASL_USERNAME and {prefix}SASL_PASSWORD")
        return self

    @property
    def connection(self) -> dict[str, Any]:
        """Return how kafka-python reaches the brokers."""
        version = tuple(int(part) for part in self.broker_api_version.split(".") if part)
        password = None if self.sasl_password is None else self.sasl_password.get_secret_value()
        return {
            "bootstrap_servers": self.brokers.split(","),
            "api_version": version or None,
            "bootstrap_timeout_ms": BOOTSTRAP_MS,
            "security_protocol": self.security_protocol,
            "ssl_cafile": self.ssl_ca_file,
            "ssl_certfile": self.ssl_certificate_file,
            "ssl_keyfile": self.ssl_key_file,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": password,
        }
