"""What tests of sending share: a hostile server, certificates, and short waits."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from campaigns import doctor
from mailing.sending import breaker, delivery_results, lanes, sending_run, supply, tokens
from tests.hostile_smtp import hostile_smtp
from tests.mailing.running import join_runs


@pytest.fixture
def server():
    with hostile_smtp() as server:
        yield server


@pytest.fixture
def delivery(campaign):
    """The first delivery of the campaign that a test has launched."""
    return campaign.deliveries.first()


@pytest.fixture
def token(delivery):
    """Its tokens, one for each purpose."""
    return tokens.sign_tokens([delivery.pk])[0]


@pytest.fixture
def short_waits(monkeypatch, settings):
    """Waits that are right between servers and too long for a test."""
    settings.OUTAGE_MINUTES = 0
    monkeypatch.setattr(delivery_results, "GREYLISTED_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(supply, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(delivery_results, "FIRST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(delivery_results, "BRIEF_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(breaker, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(breaker, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(lanes, "WAKE_AGAIN_SECONDS", 0)


@pytest.fixture
def short_runs(monkeypatch, server):
    """Runs end once what a test waits for has come, however busy the machine is; at the end nobody waits any more."""
    monkeypatch.setattr(sending_run, "STRAGGLE_SECONDS", 0.1)
    yield
    server.release()
    join_runs()


@pytest.fixture
def sound_books():
    """At the end every count equals the ledger."""
    yield
    assert list(doctor.find_breaches()) == []


class Certificate(NamedTuple):
    """Paths of PEM files: certificate, key, and the authority that signed it."""

    chain: str
    key: str
    authority: str


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Callable[..., Certificate]:
    """Make a certificate for `name`, signed by an authority made for these tests."""
    folder = tmp_path_factory.mktemp("certificates")
    authority_key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)

    def sign_certificate(
        name: str, key: ec.EllipticCurvePrivateKey, end: dt.datetime, *extensions: Any
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * day)
            .not_valid_after(end)
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(authority_key, hashes.SHA256())

    def store_certificate(name: str, certificate: x509.Certificate) -> str:
        path: Path = folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)

    authority = store_certificate(
        "authority.pem",
        sign_certificate(
            "tests", authority_key, now + day, (x509.BasicConstraints(ca=True, path_length=0), True)
        ),
    )

    def make(name: str = "127.0.0.1", *, expired: bool = False) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        end = now - day if expired else now + day
        chain = store_certificate(
            f"{name}-{expired}.pem",
            sign_certificate(name, key, end, (x509.SubjectAlternativeName([alternative]), False)),
        )
        key_path = folder / f"{name}-{expired}.key"
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Certificate(chain, str(key_path), authority)

    return make
