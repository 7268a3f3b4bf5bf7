"""Requests in the shape that each provider sends them, signed as it signs, about one mail of ours.

The bodies follow the providers' documentation, as django-anymail's own tests have them; names and figures are invented.
"""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailing.webhooks import signatures

KINDS = ("delivered", "bounced", "soft", "complained", "opened", "clicked")
ADDRESS = "ada@example.org"
GONE = "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown"
FULL = "452 4.2.2 The email account that you tried to reach is over quota"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = {
    "mailgun": "key-of-mailgun",
    "resend": "whsec_" + base64.b64encode(b"r" * 24).decode(),
    "sendgrid": base64.b64encode(
        SENDGRID_KEY.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode(),
}
PROVIDERS = (
    "amazon_ses", "brevo", "mailgun", "mailjet", "postmark", "resend", "sendgrid", "sparkpost", "standard"
)  # fmt: skip


class Request(NamedTuple):
    """What is posted."""

    body: bytes
    headers: dict[str, str]


class Mail(NamedTuple):
    """The mail that an event is about. token: what its header carried."""

    token: str
    url: str = "https://shop.example/0"
    agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    at: float = 0.0


def write_request(provider: str, kind: str, mail: Mail, secret: str, *, late: int = 0) -> Request:
    """Write the request of a provider; secret: ours, or the provider's key; late: seconds since it was signed."""
    said = globals()[f"_{provider}"](kind, mail)
    body = json.dumps(said).encode()
    name, moment = f"{provider}-{kind}-{mail.token}", str(int(time.time()) - late)
    headers = {}
    if provider in ("resend", "standard"):
        prefix = "svix" if provider == "resend" else "webhook"
        signature = signatures.sign_body(secret, name, int(moment), body)
        headers = {f"{prefix}-id": name, f"{prefix}-timestamp": moment, f"{prefix}-signature": signature}
    elif provider == "sendgrid":
        mark = SENDGRID_KEY.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(mark).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": moment,
        }
    elif provider == "mailgun":
        token = hashlib.sha256(body).hexdigest()[:50]
        mark = hmac.new(secret.encode(), f"{moment}{token}".encode(), hashlib.sha256).hexdigest()
        said["signature"] = {"token": token, "timestamp": moment, "signature": mark}
        body = json.dumps(said).encode()
    else:
        login = base64.b64encode(f"fanfare:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
    if provider == "amazon_ses":
        headers |= {"x-amz-sns-message-type": said["Type"], "x-amz-sns-message-id": said["MessageId"]}
    return Request(body, headers)


def _moment(mail: Mail) -> float:
    return mail.at or time.time()


def _write_iso(mail: Mail) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_moment(mail)))


def _amazon_ses(kind: str, mail: Mail) -> dict[str, Any]:
    person: dict[str, Any] = {"emailAddress": ADDRESS}
    names = {"delivered": "Delivery", "soft": "Bounce", "bounced": "Bounce", "complained": "Complaint"}
    name = names.get(kind, {"opened": "Open", "clicked": "Click"}.get(kind, ""))
    said: dict[str, Any] = {
        "Delivery": {"recipients": [ADDRESS], "smtpResponse": "250 2.6.0 Message received"},
        "Bounce": {
            "bounceType": "Permanent" if kind == "bounced" else "Transient",
            "bounceSubType": "General" if kind == "bounced" else "MailboxFull",
            "bouncedRecipients": [
                person
                | {
                    "action": "failed",
                    "status": "5.1.1" if kind == "bounced" else "4.2.2",
                    "diagnosticCode": "smtp; " + (GONE if kind == "bounced" else FULL),
                }
            ],
        },
        "Complaint": {"complainedRecipients": [person], "complaintFeedbackType": "abuse"},
        "Open": {"ipAddress": "192.0.2.1", "userAgent": mail.agent},
        "Click": {"ipAddress": "192.0.2.1", "userAgent": mail.agent, "link": mail.url},
    }[name]
    event = {
        "eventType": name,
        "mail": {
            "messageId": "0100-0000",
            "destination": [ADDRESS],
            "headers": [{"name": "X-Metadata", "value": json.dumps({"delivery": mail.token})}],
            "tags": {"delivery": [mail.token]},
        },
        name.lower(): said,
    }
    return {
        "Type": "Notification",
        "MessageId": f"{kind}-0001",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:Mails",
        "Message": json.dumps(event),
        "Timestamp": _write_iso(mail),
    }


def _brevo(kind: str, mail: Mail) -> dict[str, Any]:
    names = {"bounced": "hard_bounce", "soft": "soft_bounce", "complained": "spam", "clicked": "click"}
    said = {
        "event": names.get(kind, kind),
        "email": ADDRESS,
        "message-id": "<anything@smtp-relay.example>",
        "ts_epoch": int(_moment(mail) * 1000),
        "X-Mailin-custom": json.dumps({"delivery": mail.token}),
    }
    return said | {
        "bounced": {"reason": GONE},
        "soft": {"reason": FULL},
        "clicked": {"link": mail.url},
    }.get(kind, {})


def _mailgun(kind: str, mail: Mail) -> dict[str, Any]:
    # what Mailgun tries again is no bounce yet; one for a full box comes once it has given up
    failed = {"event": "failed", "severity": "permanent", "reason": "bounce"}
    more = {
        "bounced": failed
        | {"delivery-status": {"code": 550, "message": "5.1.1 User unknown", "description": ""}},
        "soft": failed
        | {"reason": "old", "delivery-status": {"code": 452, "message": FULL[4:], "description": "Too old"}},
        "clicked": {"event": "clicked", "url": mail.url, "client-info": {"user-agent": mail.agent}},
        "opened": {"event": "opened", "client-info": {"user-agent": mail.agent}},
    }.get(kind, {"event": kind})
    return {
        "event-data": {
            "id": f"id-{kind}",
            "timestamp": _moment(mail),
            "recipient": ADDRESS,
            "message": {"headers": {"message-id": "anything@mg.example"}},
            "user-variables": {"delivery": mail.token},
        }
        | more
    }


def _mailjet(kind: str, mail: Mail) -> dict[str, Any]:
    names = {"delivered": "sent", "bounced": "bounce", "soft": "bounce", "complained": "spam"}
    names |= {"opened": "open", "clicked": "click"}
    said = {
        "event": names[kind],
        "time": int(_moment(mail)),
        "MessageID": 19421777835146490,
        "email": ADDRESS,
        "Payload": json.dumps({"delivery": mail.token}),
    }
    return said | {
        "delivered": {"smtp_reply": "250 2.0.0 OK"},
        "bounced": {"hard_bounce": True, "error": "user unknown", "comment": "Host or domain name not found"},
        "soft": {"hard_bounce": False, "error": "quota exceeded", "comment": FULL},
        "opened": {"agent": mail.agent},
        "clicked": {"agent": mail.agent, "url": mail.url},
    }.get(kind, {})


def _postmark(kind: str, mail: Mail) -> dict[str, Any]:
    at, common = _write_iso(mail), {"MessageID": "883953f4", "Metadata": {"delivery": mail.token}}
    return common | {
        "delivered": {"RecordType": "Delivery", "Recipient": ADDRESS, "DeliveredAt": at, "Details": "OK"},
        "bounced": {
            "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": ADDRESS, "BouncedAt": at,
            "Details": f"smtp;{GONE}",
        },
        "soft": {
            "RecordType": "Bounce", "ID": 43, "Type": "SoftBounce", "Email": ADDRESS, "BouncedAt": at,
            "Details": f"smtp;{FULL}",
        },
        "complained": {
            "RecordType": "SpamComplaint", "ID": 44, "Type": "SpamComplaint", "Email": ADDRESS, "BouncedAt": at,
            "Details": "Test spam complaint details",
        },
        "opened": {"RecordType": "Open", "Recipient": ADDRESS, "UserAgent": mail.agent, "ReceivedAt": at},
        "clicked": {
            "RecordType": "Click", "Recipient": ADDRESS, "UserAgent": mail.agent, "ReceivedAt": at,
            "OriginalLink": mail.url,
        },
    }[kind]  # fmt: skip


def _resend(kind: str, mail: Mail) -> dict[str, Any]:
    bounce = {
        "bounced": {"message": "The recipient's email address does not exist.", "type": "Permanent"},
        "soft": {"message": "The recipient's mailbox is full.", "type": "Transient"},
    }.get(kind)
    data: dict[str, Any] = {
        "email_id": "56761188",
        "to": [ADDRESS],
        "headers": [{"name": "X-Metadata", "value": json.dumps({"delivery": mail.token})}],
    }
    if bounce:
        data["bounce"] = bounce | {"subType": "General" if kind == "bounced" else "MailboxFull"}
    if kind == "clicked":
        data["click"] = {"link": mail.url, "userAgent": mail.agent}
    name = "bounced" if kind == "soft" else kind
    return {"type": f"email.{name}", "created_at": _write_iso(mail), "data": data}


def _sendgrid(kind: str, mail: Mail) -> list[dict[str, Any]]:
    names = {"bounced": "bounce", "soft": "bounce", "complained": "spamreport"}
    names |= {"opened": "open", "clicked": "click"}
    said = {
        "event": names.get(kind, kind),
        "email": ADDRESS,
        "timestamp": int(_moment(mail)),
        "sg_event_id": f"id-{kind}",
        "delivery": mail.token,
    }
    more = {
        "bounced": {"type": "bounce", "status": "5.1.1", "reason": GONE},
        "soft": {"type": "blocked", "status": "4.2.2", "reason": FULL},
        "opened": {"useragent": mail.agent},
        "clicked": {"useragent": mail.agent, "url": mail.url},
    }.get(kind, {})
    return [said | more]


def _sparkpost(kind: str, mail: Mail) -> list[dict[str, Any]]:
    names = {"delivered": "delivery", "bounced": "bounce", "soft": "bounce", "complained": "spam_complaint"}
    names |= {"opened": "open", "clicked": "click"}
    said = {
        "type": names[kind],
        "timestamp": str(int(_moment(mail))),
        "event_id": f"id-{kind}",
        "raw_rcpt_to": ADDRESS,
        "rcpt_meta": {"delivery": mail.token},
    }
    more = {
        "bounced": {"bounce_class": "10", "raw_reason": GONE, "error_code": "550"},
        "soft": {"bounce_class": "22", "raw_reason": FULL, "error_code": "452"},
        "opened": {"user_agent": mail.agent},
        "clicked": {"user_agent": mail.agent, "target_link_url": mail.url},
    }.get(kind, {})
    group = "track_event" if kind in ("opened", "clicked") else "message_event"
    return [{"msys": {group: said | more}}, {"msys": {}}]


def _standard(kind: str, mail: Mail) -> dict[str, Any]:
    name = "bounced" if kind == "soft" else kind
    more = {
        "bounced": {"code": 550, "enhanced_code": "5.1.1", "reason": "User unknown"},
        "soft": {"code": 452, "enhanced_code": "4.2.2", "reason": "Mailbox full"},
        "opened": {"user_agent": mail.agent},
        "clicked": {"user_agent": mail.agent, "url": mail.url},
    }.get(kind, {})
    return {
        "type": f"email.{name}",
        "timestamp": _write_iso(mail),
        "data": {"delivery": mail.token} | more,
    }
