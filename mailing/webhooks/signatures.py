"""Signatures of Standard Webhooks: HMAC-SHA256 of the id, the time and the body."""

import base64
import binascii
import hmac
import os
from collections.abc import Mapping

from campaigns import database_time

PREFIX = "whsec_"
KEY_BYTES = 32
TOLERANCE_SECONDS = 300  # between the sender's clock and ours


class SignatureWrong(Exception):
    """The headers do not prove the body; the words say why."""


def make_secret() -> str:
    """Make up a secret."""
    return PREFIX + base64.b64encode(os.urandom(KEY_BYTES)).decode()


def sign_body(secret: str, name: str, moment: int, body: bytes) -> str:
    """Make the signature of a body.

    Args:
        name: the id of the message. moment: seconds since 1970.

    Raises:
        ValueError: the secret is malformed.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("The secret is no base64.") from error
    mac = hmac.digest(key, f"{name}.{moment}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(mac).decode()


def check_signature(
    secret: str, headers: Mapping[str, str], body: bytes, *, prefix: str = "webhook", now: float | None = None
) -> str:
    """Check the headers of a message; return its id.

    Args:
        prefix: of the three headers' names.
        now: seconds since 1970; None: by the database's clock.

    Raises:
        SignatureWrong: the headers do not prove the body.
    """
    name, moment, given = (headers.get(f"{prefix}-{part}", "") for part in ("id", "timestamp", "signature"))
    if not (name and moment and given):
        raise SignatureWrong(
            f"One of the headers {prefix}-id, {prefix}-timestamp and {prefix}-signature is missing."
        )
    check_moment(moment, f"{prefix}-timestamp", TOLERANCE_SECONDS, now=now)
    try:
        expected = sign_body(secret, name, int(moment), body).encode()
    except ValueError as error:
        raise SignatureWrong(str(error)) from error
    # a list: while the sender's secret is changed it signs with both
    if not any(hmac.compare_digest(expected, each.encode()) for each in given.split(" ")):
        raise SignatureWrong("The signature is not that of this body.")
    return name


def check_moment(moment: str, called: str, most_seconds: int, *, now: float | None = None) -> None:
    """Check that a signature is not too old, so that nobody sends what they have once seen again.

    Args:
        moment: seconds since 1970, as they were signed. called: their name.
        now: seconds since 1970; None: by this machine's clock.

    Raises:
        SignatureWrong: it is too old, or of a time to come.
    """
    if not (moment.isascii() and moment.isdigit() and len(moment) < 15):
        raise SignatureWrong(f"{called} is no number of seconds.")
    if now is None:
        now = database_time.now().timestamp()
    if abs(now - int(moment)) > most_seconds:
        raise SignatureWrong(f"{called} is more than {most_seconds // 60} minutes away from now.")
