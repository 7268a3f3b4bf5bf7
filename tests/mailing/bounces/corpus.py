"""The reports of reports.txt, filled in: addresses and Message-IDs of delivery 4711 that are really signed."""

from pathlib import Path
from typing import NamedTuple

from mailing.sending import return_paths, tokens
from mailing.sending.tokens import Purpose

DELIVERY = 4711
FROM = {
    "exchange": "postmaster@corp.example",
    "gmail": "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    "domino": "Postmaster@ibm.example",
    "mdaemon": "MDaemon@md.example",
}
SUBJECTS = {
    "exchange": "Undeliverable: News",
    "gmail": "Delivery Status Notification",
    "domino": "DELIVERY FAILURE",
    "mdaemon": "Delivery Report",
}


class Case(NamedTuple):
    """One report and what is right of it; severities and recipients are those of its failures."""

    name: str
    kind: str
    recipients: list[tuple[str, str]]
    severities: list[str]
    is_ours: bool
    raw: bytes
    is_spared: bool = False


def read_cases(delivery_id: int = DELIVERY) -> list[Case]:
    text = Path(__file__).with_name("reports.txt").read_text()
    blocks = text.split("\n=== ")[1:]
    return [_read_case(block, delivery_id) for block in blocks]


def _read_case(block: str, delivery_id: int) -> Case:
    head, _, body = block.partition("\n")
    name, kind, recipients, severities, *_ = [cell.strip() for cell in head.split("|")]
    pairs = [] if recipients == "-" else [tuple(pair.split(" ")) for pair in recipients.split(", ")]
    return Case(
        name,
        kind,
        [(address, "" if code == "-" else code) for address, code in pairs],
        [] if severities == "-" else severities.split(", "),
        not ("| foreign" in head or name.startswith(("foreign", "forged"))),
        fill(body, delivery_id).encode(),
        is_spared="| spared" in head,
    )


def fill(body: str, delivery_id: int = DELIVERY) -> str:
    """Put what is signed into the places of a report."""
    token = return_paths.sign_delivery(delivery_id)
    own = return_paths.fill_bounce_address("bounces@shop.example", token)
    message_id = tokens.sign_token(delivery_id, Purpose.MESSAGE_ID)
    body = _fill_report(body)
    forged = token[:-1] + ("1" if token.endswith("0") else "0")
    for place, value in {
        "{verp}": own,
        "{forged}": f"bounces+{forged}@shop.example",
        "{original}": "From: shop@shop.example\nTo: ada@example.org\nSubject: News\n"
        f"Message-ID: <{message_id}@shop.example>\n\nHello",
        "{id}": f"{message_id}@shop.example",
        "{unsubscribe}": tokens.sign_token(delivery_id, Purpose.UNSUBSCRIBE),
    }.items():
        body = body.replace(place, value)
    return body


def _fill_report(body: str) -> str:
    """Put the frame of a multipart/report around the fields that a case writes."""
    first, _, rest = body.partition("\n")
    if first.startswith("{arf "):
        return ARF.replace("{type}", first[5:-1])
    if not first.startswith("{dsn "):
        return body
    kind = first[5:-1]
    fields = rest.partition("\n{end}")[0]
    status = "global-delivery-status" if kind == "global" else "delivery-status"
    frame = DSN.replace("{from}", FROM.get(kind, "MAILER-DAEMON@mx.shop.example"))
    frame = frame.replace("{subject}", SUBJECTS.get(kind, "Undelivered Mail Returned to Sender"))
    if kind in ("foreign", "forged"):
        frame = frame.replace(
            "{original}", "From: thief@example.net\nMessage-ID: <AAAA@example.net>\n\nHello"
        )
        frame = frame.replace("{verp}", "bounces@shop.example" if kind == "foreign" else "{forged}")
    return frame.replace("{status}", status).replace("{fields}", fields)


DSN = """\
Return-Path: <>
From: {from}
Subject: {subject}
To: {verp}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=utf-8

Your message to the address below could not be delivered, or was delayed.

--=_b
Content-Type: message/{status}

Reporting-MTA: dns; mx.shop.example
Arrival-Date: Tue, 3 Mar 2026 10:00:00 +0000

{fields}

--=_b
Content-Type: message/rfc822

{original}

--=_b--
"""
ARF = """\
From: feedback@provider.example
To: bounces@shop.example
Subject: FW: News
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_f"

--=_f
Content-Type: text/plain

This is an email abuse report for an email message received from 192.0.2.9.

--=_f
Content-Type: message/feedback-report

Feedback-Type: {type}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <ada@example.org>
Source-IP: 192.0.2.9

--=_f
Content-Type: message/rfc822

{original}

--=_f--
"""
