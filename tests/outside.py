"""The door for cases from outside: plain functions over the product's own code, with no logic of their own.

Checks that live in other repositories call these names and nothing else, so that names inside may change freely. Keep
them when you rename. None needs a fixture of ours; those that say so need a database.
"""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from campaigns.refusals import Refused
from mailing import addresses, audience, bounces, content, importing, intervals
from mailing.lift import detect_smallest_lift
from mailing.models import Contact
from mailing.smtp import replies, verdicts

RECIPIENT = "x@y.test"
FIRST_NAME = "Ada"
LINKS = content.Links("https://m.shop.test", "tok")


def preview_mail(
    body: str, body_format: content.Format, attributes: Mapping[str, Any], subject: str = "S"
) -> dict[str, Any]:
    """Show a mail as its recipient x@y.test, Ada, would read it.

    Returns:
        `html`, `text` and `subject` as read; `links`, the target of each tracked link for this recipient; `problems`,
        the sentences of the checks before a launch. For a body that does not compile or render: only `error`.
    """
    source = content.Source(subject=subject, from_email="a@shop.test", body=body, body_format=body_format)
    recipient = content.Recipient(RECIPIENT, attributes, FIRST_NAME)
    try:
        compiled = content.compile(source)
        preview = compiled.preview(recipient, LINKS)
        links = [compiled.target(index, recipient) for index in range(len(compiled.links))]
    except content.ContentError as error:
        return {"error": str(error)}
    problems = content.find_problems(source, [recipient], [*attributes])
    return {
        "html": preview.html,
        "text": preview.text,
        "subject": preview.subject,
        "links": links,
        "problems": [sentence for _, sentence in problems],
    }


def normalise_address(text: str) -> str:
    """Return the address as it is stored. Raises ValueError: it is no e-mail address; the sentence says why."""
    return addresses.normalise_address(text)


def classify_reply(stage: str, code: int, lines: Iterable[str]) -> dict[str, Any]:
    """Judge an SMTP reply.

    Args:
        stage: connect, greeting, mail, rcpt, data or dot.
        lines: the lines of the reply without the basic code.

    Returns:
        `kind` (hard, soft, policy, throttle, connection) and `suppress`.
    """
    reply = replies.RawReply(code, tuple(line.encode() for line in lines)).decode()
    verdict = verdicts.classify(replies.Stage(stage), reply)
    return {"kind": str(verdict.kind), "suppress": verdict.suppress}


def read_report(message: bytes) -> dict[str, Any]:
    """Read a message that came to the bounce mailbox.

    Returns:
        `kind` (bounce, delayed, complaint, auto_reply, unsubscribe, unknown); `recipients`, pairs of address and
        enhanced code; `ours`, whether something in it that we signed proves which mail it is about.
    """
    report = bounces.read_report(message)
    is_good_news = report.kind is bounces.Kind.DELIVERED
    return {
        "kind": "unknown" if is_good_news else str(report.kind),
        "recipients": [(failure.address, failure.enhanced) for failure in report.failures if failure.address],
        "ours": report.delivery_id is not None,
    }


def import_contacts(data: bytes, existing: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Import a CSV file as the page would with its guesses taken. Needs the database.

    Args:
        existing: contacts there before, each with `email`, fields, and anything else as attributes.

    Returns:
        `columns`, pairs of the name in the file and what it is taken for; `contacts`, all there are afterwards, each
        with `email`, its other fields, its attributes by name, and the same once more under `attributes`; `refused`,
        pairs of the row's number, from 1 below the header, and the sentence. For an unusable file: only `error`.
    """
    _save_contacts(existing)
    try:
        upload = importing.receive_contacts(io.BytesIO(data))
    except importing.UnreadableFile as error:
        return {"error": str(error)}
    try:
        importing.choose_columns(upload, [taken for _, taken in upload.columns])
    except Refused as refusal:
        return {"error": str(refusal)}
    importing.run(upload.pk)
    upload.refresh_from_db()
    if not upload.error:
        importing.start(upload)
        importing.run(upload.pk)
        upload.refresh_from_db()
    if upload.error:
        return {"error": upload.error}
    refused = importing.stored_verdicts.read_verdicts(upload, importing.stored_verdicts.Verdict.INVALID)
    return {
        "columns": [tuple(pair) for pair in upload.columns],
        "contacts": [
            {field: getattr(contact, field) for field in importing.FIELDS}
            | contact.attributes
            | {"attributes": contact.attributes}
            for contact in Contact.objects.order_by("pk")
        ],
        "refused": [(row.line, row.detail) for row in refused],
    }


def choose_contacts(tree: dict[str, Any], contacts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the addresses of those contacts that a segment chooses, in the order given. Needs the database."""
    saved = _save_contacts(contacts)
    chosen = set(Contact.objects.filter(pk__in=audience.contact_keys(tree)).values_list("pk", flat=True))
    return [contact.email for contact in saved if contact.pk in chosen]


def _save_contacts(contacts: Iterable[Mapping[str, Any]]) -> list[Contact]:
    return [_save_contact(**given) for given in contacts]


def _save_contact(attributes: Mapping[str, Any] | None = None, **values: Any) -> Contact:
    fields = {name: values.pop(name) for name in importing.FIELDS if name in values}
    return Contact.objects.create(**fields, attributes={**(attributes or {}), **values})


def rate_difference(bought_a: int, n_a: int, bought_b: int, n_b: int) -> tuple[float, float]:
    """Return the 95 % interval of p_a − p_b by Newcombe's hybrid score method."""
    return intervals.newcombe_interval(bought_a, n_a, bought_b, n_b)


def detectable_lift(people: int, held_out_percent: int, base_rate: float) -> float:
    """Return the smallest relative lift that would be seen at 80 % power; infinite where none would."""
    smallest = detect_smallest_lift(people, held_out_percent, base_rate)
    return float("inf") if smallest is None else smallest
