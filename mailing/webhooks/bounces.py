"""Judges a bounce that a provider reports: by our table of words, else by the provider's own class."""

from collections.abc import Callable

import msgspec
from anymail.signals import EventType

from campaigns.annotations import Json
from campaigns.texts import make_storable
from mailing.bounces.verdicts import Failure, Severity, judge_failure
from mailing.models import Webhook
from mailing.smtp.phrases import find_meaning

Provider = Webhook.Provider


class Account(msgspec.Struct, frozen=True):
    """A provider's account of a bounce. its_class: how severe the provider calls it; None when it does not say."""

    status: str = ""
    words: str = ""
    its_class: Severity | None = None


def judge_event(provider: str, event: Json) -> Failure:
    """Judge an event of anymail about a mail that was not delivered."""
    account = _ACCOUNTS.get(Provider(provider), _describe_any)(event)
    words = make_storable(account.words)
    failure = judge_failure(str(event.recipient or ""), make_storable(account.status), words)
    if event.event_type in (EventType.REJECTED, EventType.FAILED):
        return msgspec.structs.replace(failure, severity=Severity.REFUSED)  # it was never tried
    return msgspec.structs.replace(failure, severity=_choose_severity(failure, account.its_class))


def _choose_severity(failure: Failure, its_class: Severity | None) -> Severity:
    """Let the words decide if they say something, but believe a provider that calls the bounce soft or a block."""
    says_nothing = not failure.code and not failure.enhanced and find_meaning(failure.text) is None
    if says_nothing:
        return its_class or Severity.REFUSED
    if failure.severity is Severity.HARD and its_class in (Severity.SOFT, Severity.REFUSED):
        return its_class
    return failure.severity


def _describe_any(event: Json) -> Account:
    return Account(words=str(event.mta_response or event.description or ""))


def _judge_class_of_amazon(kind: Json, sub_kind: Json) -> Severity | None:
    """Return how severe a bounce of Amazon SES is by its type and subtype. Resend sends through it."""
    if kind == "Permanent":
        return Severity.HARD if sub_kind in ("General", "NoEmail") else Severity.REFUSED
    return Severity.SOFT if kind == "Transient" else None


def _describe_amazon(event: Json) -> Account:
    bounce = event.esp_event["bounce"]
    people = [each for each in bounce["bouncedRecipients"] if each.get("emailAddress") == event.recipient]
    person = people[0] if people else {}
    its_class = _judge_class_of_amazon(bounce.get("bounceType"), bounce.get("bounceSubType"))
    return Account(str(person.get("status") or ""), str(event.mta_response or ""), its_class)


def _describe_brevo(event: Json) -> Account:
    classes = {"hard_bounce": Severity.HARD, "invalid_email": Severity.HARD, "soft_bounce": Severity.SOFT}
    return Account("", str(event.mta_response or ""), classes.get(event.esp_event.get("event")))


def _describe_mailgun(event: Json) -> Account:
    said = event.esp_event.get("event-data") or {}
    status = said.get("delivery-status") or {}
    words = f"{status.get('code') or ''} {event.mta_response or event.description or ''}".strip()
    is_hard = said.get("severity") == "permanent" and said.get("reason") in ("bounce", "suppress-bounce")
    return Account(str(status.get("enhanced-code") or ""), words, Severity.HARD if is_hard else None)


def _describe_mailjet(event: Json) -> Account:
    said = event.esp_event
    words = event.mta_response or " ".join(filter(None, (said.get("error"), said.get("comment"))))
    if not said.get("hard_bounce"):
        return Account("", str(words), Severity.SOFT)
    is_gone = said.get("error") in ("user unknown", "mailbox inactive")
    return Account("", str(words), Severity.HARD if is_gone else Severity.REFUSED)


def _describe_postmark(event: Json) -> Account:
    classes = {"HardBounce": Severity.HARD, "SoftBounce": Severity.SOFT}
    words = str(event.mta_response or event.description or "")
    return Account("", words, classes.get(event.esp_event.get("Type")))


def _describe_resend(event: Json) -> Account:
    bounce = event.esp_event["data"].get("bounce") or {}
    its_class = _judge_class_of_amazon(bounce.get("type"), bounce.get("subType"))
    return Account("", str(bounce.get("message") or ""), its_class)


def _describe_sendgrid(event: Json) -> Account:
    said = event.esp_event
    its_class = Severity.HARD if said.get("type") == "bounce" else Severity.REFUSED
    return Account(str(said.get("status") or ""), str(event.mta_response or ""), its_class)


def _describe_sparkpost(event: Json) -> Account:
    said = next(iter(event.esp_event["msys"].values()))
    number = str(said.get("bounce_class"))
    its_class = Severity.REFUSED
    if number in ("10", "30"):
        its_class = Severity.HARD
    elif number in ("20", "21", "22", "24", "70"):
        its_class = Severity.SOFT
    return Account("", f"{said.get('error_code') or ''} {event.mta_response or ''}".strip(), its_class)


_ACCOUNTS: dict[Webhook.Provider, Callable[[Json], Account]] = {
    Provider.AMAZON_SES: _describe_amazon,
    Provider.BREVO: _describe_brevo,
    Provider.MAILGUN: _describe_mailgun,
    Provider.MAILJET: _describe_mailjet,
    Provider.POSTMARK: _describe_postmark,
    Provider.RESEND: _describe_resend,
    Provider.SENDGRID: _describe_sendgrid,
    Provider.SPARKPOST: _describe_sparkpost,
}
