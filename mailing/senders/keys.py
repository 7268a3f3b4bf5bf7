"""DKIM key pairs, and the DNS records that publish their public halves (RFC 6376, 3.6; RFC 8463)."""

import re
from base64 import b64encode
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from campaigns.sentences import keep, mark
from mailing.senders.signing import PrivateKey

LONGEST_TAG = 40  # characters of a tag that a sentence repeats
RSA_BITS = 2048  # 1024 is refused by many; a longer one does not fit into one answer of DNS over UDP
LONGEST_STRING = 255  # bytes of one string of a TXT record


class Algorithm(StrEnum):
    """The tag `k` of a record."""

    ED25519 = "ed25519"
    RSA = "rsa"


class KeyPair(msgspec.Struct, frozen=True):
    """private: PEM. public: the value of the tag `p`."""

    private: str
    public: str


def make_pair(algorithm: Algorithm) -> KeyPair:
    """Make a new key pair."""
    key: PrivateKey
    if algorithm is Algorithm.ED25519:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(private.decode(), b64encode(public).decode())


def load_private_key(private: str) -> PrivateKey:
    """Return the key of a stored PEM."""
    key = load_pem_private_key(private.encode(), None)
    if not isinstance(key, Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise TypeError(keep("%(name)s signs no mail.", name=type(key).__name__))
    return key


def write_record(algorithm: str, public: str) -> str:
    """Return the text of the record that publishes a key."""
    return f"v=DKIM1; k={algorithm}; p={public}"


def quote_record(text: str) -> str:
    """Return the text as a zone file holds it: quoted strings of at most 255 bytes, which DNS joins without a blank."""
    parts = [text[start : start + LONGEST_STRING] for start in range(0, len(text), LONGEST_STRING)]
    return " ".join(f'"{part}"' for part in parts)


def read_tags(text: str) -> dict[str, str]:
    """Return the tags of a record such as `v=DKIM1; p=…`, names in lower case; of two alike the first."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags


def find_record_fault(records: list[str], algorithm: str, public: str) -> str:
    """Return what is wrong with the TXT records at the name of a key; "" when they publish it."""
    published = [
        text for text in records if "p" in (tags := read_tags(text)) and tags.get("v", "DKIM1") == "DKIM1"
    ]
    if not published:
        return mark("No DKIM record is found there.")
    if len(published) > 1:
        return keep(
            "There are %(count)s DKIM records at this name: leave this one only.", count=len(published)
        )
    tags = read_tags(published[0])
    key = re.sub(r"\s", "", tags["p"])
    if not key:
        return mark("The record there has an empty p=, which means that the key is withdrawn.")
    if tags.get("k", "rsa").lower() != algorithm:
        return keep(
            "The record there is of the kind k=%(get)s, not k=%(algorithm)s.",
            get=tags.get("k", "rsa")[:LONGEST_TAG],
            algorithm=algorithm,
        )
    if key != public:
        return mark("The record there holds another key: copy it anew, whole and without line breaks.")
    if "h" in tags and "sha256" not in tags["h"].lower().split(":"):
        return mark("The record there allows no SHA-256 (h=): remove the tag h.")
    if "s" in tags and not {"*", "email"} & {each.strip().lower() for each in tags["s"].split(":")}:
        return mark("The record there is not for e-mail (s=): remove the tag s.")
    return ""
