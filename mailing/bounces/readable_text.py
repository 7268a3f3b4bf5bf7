"""Writes a message of a bounce mailbox as plain text, for a person to read."""

from campaigns.texts import make_storable
from mailing.bounces import parts, plain_text

SHOWN_HEADERS = ("From", "To", "Subject", "Date")


def write_readable_text(raw: bytes) -> str:
    """Return the headers and the text of a message as plain text, without the mail that it returns.

    Never raises: of a message that cannot be parsed it returns the beginning as it came.
    """
    try:
        message = parts.open_message(raw)
    except parts.Unreadable:
        return make_storable(parts.decode_bytes(raw[: parts.LONGEST_TEXT], ""))
    headers = [f"{name}: {value}" for name in SHOWN_HEADERS if (value := parts.read_header(message, name))]
    own_parts = [part for part in parts.list_own_parts(message) if is_readable_part(part.get_content_type())]
    words = plain_text.cut_original("\n\n".join(parts.read_text(part) for part in own_parts)).strip()
    return "\n\n".join(filter(None, ["\n".join(headers), words]))


def is_readable_part(content_type: str) -> bool:
    """Return whether a part holds words of the report, and neither a file nor a mail of ours."""
    if content_type.endswith("-headers"):
        return False
    return content_type.startswith("text/") or content_type in (
        "message/delivery-status",
        "message/feedback-report",
    )
