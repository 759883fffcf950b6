"""Apache Kafka with two more doors: one that asks for a certificate (SSL), one for a password (SASL_SSL, SCRAM)."""

import datetime
import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.apache_kafka import Kafka, free_port

SECURED = """
listeners=BROKER://{plain},CONTROLLER://{controller},SSL://{ssl},SASL_SSL://{sasl}
advertised.listeners=BROKER://{plain},SSL://{ssl},SASL_SSL://{sasl}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class SecuredKafka(Kafka):
    """One broker; `certificates` has ca.pem, client.pem and client.key, and stranger.pem of an unknown authority."""

    def __init__(self, folder: Path, users: Mapping[str, str]) -> None:
        self.users, self.certificates = users, folder / "certificates"
        self.ssl_address, self.sasl_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
        make_certificates(self.certificates)
        super().__init__(folder)

    def _write_properties(self) -> Path:
        properties = super()._write_properties()
        with properties.open("a") as opened:               # of a key that is there twice the last counts
            opened.write(SECURED.format(plain=self.address, controller=f"127.0.0.1:{self.controller_port}",
                                        ssl=self.ssl_address, sasl=self.sasl_address, folder=self.certificates))
        return properties

    def _format(self, *more: str) -> None:
        for name, password in self.users.items():
            more = (*more, "--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        super()._format(*more)


@contextmanager
def running(folder: Path, users: Mapping[str, str]) -> Iterator[SecuredKafka]:
    kafka = SecuredKafka(folder, users)
    kafka.start()
    try:
        yield kafka
    finally:
        kafka.stop()


def make_certificates(folder: Path) -> None:
    """Write an authority, a server and a client that it vouches for, and an authority that nobody knows."""
    folder.mkdir(parents=True)
    ca_key, ca = certificate("HyperMatch test authority")
    (folder / "ca.pem").write_bytes(pem(ca))
    _, stranger = certificate("Nobody's authority")
    (folder / "stranger.pem").write_bytes(pem(stranger))
    server_key, server = certificate("127.0.0.1", ca, ca_key)
    (folder / "server.pem").write_bytes(pem(server_key) + pem(server))
    client_key, client = certificate("client", ca, ca_key)
    (folder / "client.pem").write_bytes(pem(client))
    (folder / "client.key").write_bytes(pem(client_key))


def certificate(name: str, issuer: x509.Certificate | None = None, issuer_key: ec.EllipticCurvePrivateKey | None = None,
                ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return a key and its certificate for this machine's loopback, by itself if there is no issuer."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (x509.CertificateBuilder().subject_name(subject)
             .issuer_name(subject if issuer is None else issuer.subject).public_key(key.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
             .not_valid_after(now + datetime.timedelta(days=1))
             .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
             .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                            critical=False))
    return key, built.sign(issuer_key or key, hashes.SHA256())


def pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    return what.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())
