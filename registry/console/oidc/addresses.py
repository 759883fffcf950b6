"""Which addresses of a provider are safe to speak with."""

from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_safe(address: object) -> bool:
    """Say whether what is sent to this address is encrypted, or stays on this machine."""
    if not isinstance(address, str) or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_encrypted and bool(parts.hostname) and not parts.username and not parts.fragment
