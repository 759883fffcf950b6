"""Where signers are required, a server takes only bundles that each of them signed, and says which one is missing."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import text

from registry.database import write
from registry.errors import HyperMatchError, Refused
from registry.lifecycle.promotion import sign
from registry.lifecycle.versions import register_candidate
from registry.signing import open_public_keys, open_signer
from tests.serving.bundles import tiny_bundle


@pytest.fixture
def keys(tmp_path) -> dict[str, Path]:
    """The folder of key pairs `release.pem`/`release.pub` and `other.pem`/`other.pub`."""
    for name in ("release", "other"):
        key = Ed25519PrivateKey.generate()
        (tmp_path / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (tmp_path / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return {file.name: file for file in tmp_path.glob("*.p*")}


@pytest.fixture
def signed(installation, keys):
    """Sign a version that was approved with a key of the test's choice."""
    def with_key(number: int, key: str) -> None:
        with write(installation.engine) as session:
            sign(session, "intents", number, open_signer(str(keys[key])), actor="ada", now=datetime.now(UTC))

    return with_key


def answering_version(client) -> int | None:
    answer = client.post("/v1/tasks/intents/predict", json={"texts": ["card lost"]})
    return answer.json()["model_version"] if answer.status_code == 200 else None


def wait_until(is_true) -> None:
    until = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


def change(installation, what: str) -> None:
    with write(installation.engine) as session:
        session.connection().execute(text(f"UPDATE bundle_signature SET {what}"))


def test_an_unsigned_version_is_refused_by_name_and_what_serves_goes_on(installation, serve, keys, signed):
    first = installation.approve()
    signed(first, "release.pem")
    installation.promote(installation.digests[0])     # the same bytes, signed already
    client = serve(required_signers=f"release={keys['release.pub']}")
    wait_until(lambda: answering_version(client) == 2)

    unsigned = installation.promote()
    wait_until(lambda: installation.told("model:swap_failed"))
    assert "is not signed by release" in installation.told("model:swap_failed")[0]
    assert answering_version(client) == 2

    signed(unsigned, "other.pem")                     # somebody's signature is not the release's
    client.app.state.worker.watcher.setbacks.clear()
    client.app.state.worker.watcher.look()
    assert answering_version(client) == 2
    signed(unsigned, "release.pem")
    client.app.state.worker.watcher.setbacks.clear()
    wait_until(lambda: answering_version(client) == unsigned)


@pytest.mark.parametrize("spoil", ["signature = replace(signature, substr(signature, 1, 2), '00')",
                                   "signature = 'no hexadecimal'", "digest = '{other}'"])
def test_a_signature_that_was_changed_or_belongs_to_another_bundle_is_wrong(installation, serve, keys, signed, spoil):
    number = installation.approve()
    signed(number, "release.pem")
    other = tiny_bundle(installation.store, "intents", ["lost", "money", "other"], seed=9)
    if "{other}" in spoil:
        installation.promote(other)
    else:
        installation.promote(installation.digests[0])
    change(installation, spoil.format(other=other))
    serve(required_signers=f"release={keys['release.pub']}")
    wait_until(lambda: installation.told("model:swap_failed"))
    assert "signature of release on bundle" in installation.told("model:swap_failed")[0]


def test_each_required_signer_must_have_signed(installation, serve, keys, signed):
    number = installation.promote()
    signed(number, "release.pem")
    client = serve(required_signers=f"release={keys['release.pub']}, audit={keys['other.pub']}")
    wait_until(lambda: installation.told("model:swap_failed"))
    assert "not signed by audit" in installation.told("model:swap_failed")[0] and answering_version(client) is None
    signed(number, "other.pem")
    client.app.state.worker.watcher.setbacks.clear()
    wait_until(lambda: answering_version(client) == number)


def test_registering_and_approving_sign_and_are_audited_with_the_key(installation, keys, now):
    signer = open_signer(str(keys["release.pem"]))
    digest = tiny_bundle(installation.store, "intents", ["lost", "money", "other"])
    with write(installation.engine) as session:
        register_candidate(session, "intents", digest=digest, label_space=1, run_id=None, requested_by="ada",
                           recipe={}, bank_version=None, code_revision="r", n_labels=3, now=now, signer=signer)
        entry = session.connection().execute(text("SELECT details FROM auditentry ORDER BY number DESC")).scalar()
        assert signer.fingerprint in entry
        with pytest.raises(Refused, match="only what was approved is signed"):
            sign(session, "intents", 1, signer, actor="ada", now=now)


def test_what_is_no_key_is_one_line(tmp_path, keys):
    rsa = tmp_path / "rsa.pem"
    rsa.write_bytes(generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for path in (rsa, keys["release.pub"], tmp_path / "nowhere"):
        with pytest.raises(HyperMatchError, match=r"no private ed25519 key|cannot be read"):
            open_signer(str(path))
    for named in (f"release={keys['release.pem']}", "release", f"={keys['release.pub']}"):
        with pytest.raises(HyperMatchError, match=r"no public ed25519 key|names no signer"):
            open_public_keys(named)
    assert open_signer("") is None and open_public_keys("") == {}
