"""Takes a request of a provider: checks its proof, reads it, and takes each of its events."""

import json
import re
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec
from anymail.signals import EventType
from django.conf import settings
from django.http import HttpRequest

from campaigns import database_time
from campaigns.annotations import Json
from campaigns.texts import make_storable
from mailing.bounces import origins
from mailing.bounces.verdicts import judge_failure
from mailing.models import Webhook
from mailing.sending.metadata import NAME
from mailing.sending.tokens import Purpose
from mailing.webhooks import bounces, readers, signatures
from mailing.webhooks.events import Kind, ProviderEvent, remember_proof, take_event
from mailing.webhooks.readers import BodyMalformed, SignatureRefused

WORDS = frozenset(kind.value for kind in Kind)
LAST_EVENT_STEP = timedelta(minutes=1)  # the row is not written at every request
OLDEST_EVENT, NEWEST_EVENT = timedelta(days=31), timedelta(hours=1)  # before and after our own time
KINDS = {
    EventType.QUEUED: Kind.ACCEPTED,
    EventType.SENT: Kind.ACCEPTED,
    EventType.DEFERRED: Kind.ACCEPTED,
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.REJECTED: Kind.BOUNCED,
    EventType.FAILED: Kind.BOUNCED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.OPENED: Kind.OPENED,
    EventType.CLICKED: Kind.CLICKED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
_MESSAGE_ID = re.compile(r"<?([\w-]{24})@").match


class StandardData(msgspec.Struct):
    """The object `data` of our own format. delivery: the token in the header X-Metadata of the mail."""

    delivery: str = ""
    message_id: str = ""
    code: int | None = None
    enhanced_code: str = ""
    reason: str = ""
    url: str = ""
    user_agent: str = ""


class StandardBody(msgspec.Struct):
    """A body in the format of Standard Webhooks. type: ends with a Kind, as in "email.bounced"."""

    type: str
    timestamp: datetime
    data: StandardData


def take_request(request: HttpRequest, webhook: Webhook) -> int:
    """Take the events of a request; return how many were about a mail of ours.

    Raises:
        SignatureRefused, BodyMalformed, ConfirmationFailed: as readers.read_events does.
    """
    if webhook.trouble:
        raise SignatureRefused(webhook.trouble)
    if webhook.provider == Webhook.Provider.STANDARD:
        events = _read_standard(request, webhook.secret)
    else:
        secret = webhook.signing_key if webhook.is_signed_by_provider else webhook.secret
        read = readers.read_events(request, webhook.provider, secret)
        if webhook.provider == Webhook.Provider.MAILGUN:
            _check_proof(request, webhook)
        try:
            events = [event for each in read if (event := _translate(webhook, each))]
        except readers.MALFORMED as error:
            raise BodyMalformed(f"{type(error).__name__}: {error}") from error
    for event in events:
        take_event(event)
    now = database_time.now()
    if webhook.last_event_at is None or webhook.last_event_at < now - LAST_EVENT_STEP:
        Webhook.objects.filter(pk=webhook.pk).update(last_event_at=now)
    return len(events)


def _read_standard(request: HttpRequest, secret: str) -> list[ProviderEvent]:
    try:
        name = signatures.check_signature(secret, request.headers, request.body)
    except signatures.SignatureWrong as error:
        raise SignatureRefused(str(error)) from error
    try:
        body = msgspec.json.decode(request.body, type=StandardBody)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BodyMalformed(str(error)) from error
    word = body.type.rpartition(".")[2]
    data, pk = body.data, None
    if word in WORDS:
        pk = _find_delivery(data.delivery, data.message_id)
    if pk is None:
        return []
    failure = None
    if word == Kind.BOUNCED:
        words = make_storable(f"{data.code or ''} {data.reason}".strip())
        failure = judge_failure("", make_storable(data.enhanced_code), words)
    at = _trust_moment(body.timestamp)
    digest = _digest(f"standard {name}")
    detail = make_storable(data.reason)
    return [ProviderEvent(Kind(word), pk, digest, at, failure, data.url, data.user_agent, detail)]


def _check_proof(request: HttpRequest, webhook: Webhook) -> None:
    """Check that the token that Mailgun has signed came with no other body: it does not sign bodies.

    Raises:
        SignatureRefused: it did.
    """
    proof = f"mailgun {webhook.pk} {readers.read_mailgun_proof(request)}"
    is_json = request.content_type == "application/json"
    body = request.body.decode(errors="replace") if is_json else str(sorted(request.POST.lists()))
    if not remember_proof(_digest(proof), _digest(f"{proof} {body}")):
        raise SignatureRefused("Its token was used for another body.")


def _translate(webhook: Webhook, event: Json) -> ProviderEvent | None:
    """Translate an event of anymail; None for an event of another kind, or about no mail of ours."""
    kind = KINDS.get(event.event_type)
    if kind is None:
        return None
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    pk = _find_delivery(str(metadata.get(NAME) or _find_tag(event)), str(event.message_id or ""))
    if pk is None:
        return None
    is_engagement = kind in (Kind.OPENED, Kind.CLICKED)  # whatever else comes twice changes nothing by itself
    return ProviderEvent(
        kind,
        pk,
        _digest(f"{webhook.provider} {kind} {pk} {_write_stable(event.esp_event)}") if is_engagement else "",
        _trust_moment(event.timestamp),
        bounces.judge_event(webhook.provider, event) if kind is Kind.BOUNCED else None,
        str(event.click_url or ""),
        str(event.user_agent or ""),
        make_storable(f"{webhook.get_provider_display()}: {event.description or 'complained'}"),
    )


def _find_delivery(token: str, message_id: str) -> int | None:
    """Return the delivery of a mail by the token it carried or by its Message-ID. Both were signed here."""
    found = _MESSAGE_ID(message_id)
    for each in (token, found[1] if found else ""):
        if each and (pk := origins.read_token(each, Purpose.MESSAGE_ID)):
            return pk
    return None


def _find_tag(event: Json) -> str:
    """Return the token among the tags that Amazon SES returns with an event."""
    mail = event.esp_event.get("mail") if isinstance(event.esp_event, dict) else None
    tags = mail.get("tags") if isinstance(mail, dict) else None
    values = tags.get(NAME) if isinstance(tags, dict) else None
    return str(values[0]) if isinstance(values, list) and values else ""


def _trust_moment(at: datetime | None) -> datetime | None:
    """Return the time of an event, not later than now; None for a time that cannot be right."""
    if at is None or at.tzinfo is None:
        return None
    now = database_time.now()
    return min(at, now) if now - OLDEST_EVENT < at < now + NEWEST_EVENT else None


def _write_stable(said: Json) -> str:
    plain = said if isinstance(said, dict | list) else dict(said.lists())
    return json.dumps(plain, sort_keys=True, default=str)


def _digest(text: str) -> str:
    """Return a digest that only we can make, so that nobody can find out from it whose event it was."""
    key = blake2b(settings.SECRET_KEY.encode()).digest()
    return blake2b(text.encode(), key=key, digest_size=16, person=b"fanfare events").hexdigest()
