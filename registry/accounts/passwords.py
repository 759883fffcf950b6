"""Passwords: argon2id hashes, and what a password must be."""

import argon2

from registry.errors import Refused

MIN_CHARS, MAX_CHARS = 12, 500
_HASHER = argon2.PasswordHasher()
_NOBODY = _HASHER.hash("no account has this password")  # so that unknown names take as long as known ones


def hashed(password: str, name: str) -> str:
    """Return the hash of a new password; raises Refused for one that is easily guessed."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise Refused(f"a password has {MIN_CHARS} to {MAX_CHARS} characters")
    if name.casefold() in password.casefold() or len(set(password)) < 5:
        raise Refused("this password is easily guessed", "take several words, without your name")
    return _HASHER.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Say whether the password fits; takes as long for an account that has none."""
    if len(password) > MAX_CHARS:
        return False
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
