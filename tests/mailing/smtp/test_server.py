"""The description of a server: its encryption, its authorities, the name we say to it."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailing.smtp.client import Server, Tls, loop_factory
from mailing.smtp.server import is_hello_name, read_authorities


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no certificate"),
        (b"hello", "no certificate"),
        (b"\x30\x82", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", "private key"),
    ],
)
def test_a_file_that_is_no_authority_is_refused_with_a_sentence(data, words):
    with pytest.raises(ValueError, match=words):
        read_authorities(data)


def test_nothing_behind_a_certificate_is_kept(certificate):
    """Least of all its private key: OpenSSL reads the certificate and does not look at the rest."""
    der = ssl.PEM_cert_to_DER_cert(Path(certificate().authority).read_text())
    assert read_authorities(der) == ssl.DER_cert_to_PEM_cert(der)
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    for data in (der + key, der + b"\0\0", der + der, ssl.DER_cert_to_PEM_cert(der + key).encode()):
        with pytest.raises(ValueError, match="no certificate"):
            read_authorities(data)


@pytest.fixture
def pems(certificate):
    """Two certificates as PEM text."""
    return [Path(path).read_text() for path in (certificate().authority, certificate("x.test").chain)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda one, two: one + two[: len(two) // 2],
        lambda one, two: two[: len(two) // 2] + one,
        lambda one, two: one + two[:60] + "!" + two[60:],
        lambda one, two: one + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_one_damaged_certificate_among_others_is_named(pems, damage):
    with pytest.raises(ValueError, match=r"^Certificate [12] of the file is damaged"):
        read_authorities(damage(*pems).encode())


@pytest.mark.parametrize(
    "write",
    [
        lambda pem: pem.replace("\n", "\r").encode(),
        lambda pem: pem.replace("\n", " ").encode(),
        lambda pem: pem.replace("\n", "\n    ").encode(),
        lambda pem: pem.encode("utf-16"),
        lambda pem: ("notes – of ours\n" + pem + pem).encode(),
        ssl.PEM_cert_to_DER_cert,
    ],
)
def test_a_certificate_is_read_however_its_file_was_written(pems, write):
    assert read_authorities(write(pems[0])).split() == pems[0].split()


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        ("mail.shop.example", True),
        ("[192.0.2.1]", True),
        ("[IPv6:2001:db8::1]", True),
        ("xn--bcher-kva.example", True),
        ("shop", False),
        ("localhost", False),
        ("192.0.2.1", False),
        ("-a.example", False),
        ("a b.example", False),
        ("bücher.example", False),
        ("a..example", False),
        ("", False),
        ("x" * 64 + ".example", False),
    ],
)
def test_a_name_for_ehlo_is_full(name, is_good):
    assert is_hello_name(name) is is_good


def test_a_server_is_described_wholly_or_not_at_all():
    assert Server("mx.example", tls="starttls").tls is Tls.STARTTLS
    with pytest.raises(ValueError, match="'ssl' is not a valid Tls"):
        Server("mx.example", tls="ssl")
    for name in ("", "two words", "line\r\nMAIL FROM:<>", "büro"):
        with pytest.raises(ValueError, match="no host name to say in EHLO"):
            Server("mx.example", local_hostname=name)


def test_plain_sockets_run_on_uvloop_and_tls_on_asyncio():
    plain, encrypted = loop_factory(Tls.NONE)(), loop_factory(Tls.STARTTLS)()
    try:
        assert type(plain).__module__.startswith("uvloop")
        assert type(encrypted).__module__.startswith("asyncio")
    finally:
        plain.close()
        encrypted.close()
