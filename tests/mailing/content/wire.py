"""Messages read back with the email package of the standard library."""

import email
import email.policy
from email.message import EmailMessage


def parse_message(message: bytes) -> EmailMessage:
    """The message, in which the parser found nothing wrong."""
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert not read.defects
    assert read.get_content_type() == "multipart/alternative"
    for part in read.walk():
        assert not part.defects
    return read


def html_of(message: EmailMessage) -> str:
    return message.get_payload(1).get_payload(decode=True).decode().replace("\r\n", "\n")


def text_of(message: EmailMessage) -> str:
    return message.get_payload(0).get_payload(decode=True).decode().replace("\r\n", "\n")
