"""Templates and blocks: copied, put away and back, and shown as a mail would show them."""

from datetime import timedelta
from typing import TypeVar

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import get_supported_language_variant

from campaigns import database_time, editions
from campaigns.annotations import Columns, JsonObject
from mailing import audience, content, launch, renderer
from mailing.models import Block, EmailCampaign, MailTemplate
from mailing.models.library import ReusableContent
from mailing.sending import tokens

Reusable = TypeVar("Reusable", bound=ReusableContent)
LONGEST_NAME = 150
KEPT_BY_US = ("id", "by", "created_at", "updated_at", "archived_at", "language")  # columns that no form has
BEGUN = ("subject", "preheader", "body_format", "body")
"""What a mail takes from a template."""

WRAPPED = "<mjml><mj-body>{}</mj-body></mjml>"
SAMPLE_CODE = "SAMPLE-7K2P"
SAMPLE_LASTS = timedelta(days=14)


def describe_reusable(row: ReusableContent) -> dict[str, str]:
    """Return what people may change of a template or a block, in words."""
    names = [field.name for field in row._meta.concrete_fields if field.name not in KEPT_BY_US]
    return editions.column_facts(row, names)


def save_reusable(row: Reusable, *, by: User | None = None, seen: str | None = None) -> Reusable:
    """Save a new or stored template or block.

    Args:
        seen: the edition that the form showed; None: whatever there is shall be overwritten.

    Raises:
        EditConflict: it was changed since.
    """
    with transaction.atomic():
        rows = type(row)._default_manager.select_for_update(of=["self"], no_key=True)
        stored = rows.filter(pk=row.pk).first() if row.pk else None
        before = describe_reusable(stored) if stored else None
        if stored and before:
            editions.refuse_edit_conflict(stored, before, seen)
        row.save()
        editions.record_edit(row, before, describe_reusable(row), by=by)
    return row


def choose_offered(rows: QuerySet[Reusable]) -> QuerySet[Reusable]:
    """Return those of the language that somebody works in, and those that are for everybody."""
    return rows.filter(
        language__in=["", get_supported_language_variant(get_language() or settings.LANGUAGE_CODE)]
    )


def duplicate(row: Reusable, *, by: User | None = None) -> Reusable:
    """Return a new copy of a template or a block."""
    copied = {
        field.name: getattr(row, field.name)
        for field in row._meta.concrete_fields
        if not field.primary_key and field.name not in ("archived_at", "created_at", "by", "language")
    }
    copied["name"] = (_("Copy of %(name)s") % {"name": row.name})[:LONGEST_NAME]
    return type(row)._default_manager.create(**copied, by=by)


def set_archived(row: ReusableContent, is_archived: bool) -> None:
    """Put a template or a block away, so that nobody is offered it, or put it back."""
    type(row)._default_manager.filter(pk=row.pk).update(
        archived_at=database_time.now() if is_archived else None
    )


def copy_from_campaign(campaign: EmailCampaign) -> Columns:
    """Return what a template takes from a campaign."""
    return {"name": campaign.name[:LONGEST_NAME], **{name: getattr(campaign, name) for name in BEGUN}}


def copy_from_template(template: MailTemplate) -> Columns:
    """Return what a mail takes from a template."""
    return {name: getattr(template, name) for name in BEGUN}


def render_sample(row: ReusableContent) -> content.Preview:
    """Return how a template or a block would look in a mail, with an offer of nobody's.

    Raises:
        ContentError: it does not compile or render.
    """
    return renderer.render_preview(*build_sample(row))


def build_sample(row: ReusableContent) -> tuple[content.Source, content.Recipient]:
    """Return a mail made of a template or a block, and somebody who reads it, with an offer of nobody's."""
    body = row.body
    if isinstance(row, Block) and row.body_format == EmailCampaign.Format.MJML and "<mjml" not in body:
        body = WRAPPED.format(body)
    mail = EmailCampaign(name=row.name, body=body, body_format=row.body_format, track_opens=False)
    if isinstance(row, MailTemplate):
        mail.subject, mail.preheader = row.subject, row.preheader
    offer = write_sample_offer()
    source = msgspec.structs.replace(
        launch.build_source(mail), offer=content.OfferNote(offer["label"], has_end=True)
    )
    return source, launch.build_recipient(audience.find_preview_reader(), offer=offer)


def write_sample_offer() -> JsonObject:
    """Return what a mail would read as `offer`; no till knows its code."""
    token = tokens.sign_token(tokens.TEST_DELIVERY_ID, tokens.Purpose.OFFER)
    page = f"{settings.PUBLIC_URL}/o/{token}"
    end = database_time.now() + SAMPLE_LASTS
    return {
        "code": SAMPLE_CODE,
        "label": _("15% off your next visit"),
        "ends_at": end.date().isoformat(),
        "until": end.isoformat(),
        "min_spend": "",
        "page": page,
        "qr": f"{page}/qr.png",
        "barcode": f"{page}/barcode.png",
    }
