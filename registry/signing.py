"""Signatures over bundles: whoever registers or approves one signs its digest, and servers may demand it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from sqlmodel import Session, select

from registry.errors import Refused, RegistryError, Unsigned
from registry.tables import BundleSignature

PURPOSE = b"hypermatch bundle 1\n"                    # so that a signature for anything else is none for a bundle


@dataclass(frozen=True)
class Signer:
    """A private key that signs the digests of bundles; a digest covers every file and the labels."""

    key: Ed25519PrivateKey

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key.public_key())

    def sign(self, session: Session, digest: str, *, actor: str, now: datetime) -> None:
        """Keep the signature in the transaction of what it stands for; signing twice is signing once."""
        signature = self.key.sign(PURPOSE + digest.encode()).hex()     # ed25519 signs the same bytes alike each time
        session.merge(BundleSignature(digest=digest, fingerprint=self.fingerprint, signature=signature, actor=actor,
                                      signed_at=now))
        session.flush()


def open_signer(path: str) -> Signer | None:
    """Return the signer whose private key (ed25519, PEM, no password) is in a file; None without a path."""
    if not path:
        return None
    try:
        key = load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return Signer(key)


def open_public_keys(named: str) -> dict[str, Ed25519PublicKey]:
    """Return the public keys of `NAME=FILE,NAME=FILE`."""
    keys = {}
    for part in filter(None, (part.strip() for part in named.split(","))):
        name, _, path = part.partition("=")
        if not name.strip() or not path.strip():
            raise Refused(f"{part[:80]!r} names no signer", "write NAME=FILE,NAME=FILE")
        keys[name.strip()] = _public_key(path.strip())
    return keys


def check_signed(session: Session, digest: str, required: Mapping[str, Ed25519PublicKey]) -> None:
    """Raise Unsigned, naming the signer, unless each of `required` signed this digest."""
    for name, key in required.items():
        held = session.exec(select(BundleSignature).where(BundleSignature.digest == digest,
                                                          BundleSignature.fingerprint == fingerprint(key))).first()
        if held is None:
            raise Unsigned(f"bundle {digest[:12]} is not signed by {name}",
                           "have it approved where that key is, or sign it with `hypermatch models sign`")
        try:
            key.verify(bytes.fromhex(held.signature), PURPOSE + digest.encode())
        except (InvalidSignature, ValueError):
            raise Unsigned(f"the signature of {name} on bundle {digest[:12]} is wrong",
                           "somebody changed it: see the audit log") from None


def fingerprint(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()


def _public_key(path: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return key


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise RegistryError(f"the key {path} cannot be read: {error.strerror}", "check the setting that names it"
                            ) from error


def _no_key(path: str, kind: str) -> RegistryError:
    return RegistryError(f"{path} holds no {kind} ed25519 key in PEM",
                         "`openssl genpkey -algorithm ed25519 -out KEY` makes a pair, `openssl pkey -in KEY -pubout` "
                         "prints its public half")
