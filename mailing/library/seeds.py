"""The templates and blocks that an installation is given once. What people changed or archived since stays so."""

from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from campaigns import seeds
from campaigns.annotations import Argument
from campaigns.models import Seed
from mailing.models import Block, EmailCampaign, MailTemplate

FOLDER = Path(__file__).parent / "ready"
FORMATS = {
    ".mjml": EmailCampaign.Format.MJML,
    ".md": EmailCampaign.Format.MARKDOWN,
    ".html": EmailCampaign.Format.HTML,
}

# file: name, description, subject, preheader
TEMPLATES = {
    "newsletter.mjml": (
        _("Newsletter"),
        _("Two stories side by side, and news in short."),
        _("What is new this month"),
        _("Two stories and news in short"),
    ),
    "offer.mjml": (
        _("Offer with a coupon"),
        _("A code of their own for each reader, as text and as QR code. Choose its promotion under Offer."),
        _("{{ offer.label | default: 'Your offer' }}: your code is inside"),
        _("Show it at the till"),
    ),
    "welcome.mjml": (
        _("Welcome"),
        _("A friendly first mail, with three places to begin."),
        _("Welcome{% if first_name %}, {{ first_name }}{% endif %}!"),
        _("It is good to have you with us"),
    ),
    "letter.md": (_("Plain letter"), _("Text only, as from one person to another."), _("A word from us"), ""),
}
# file: kind, name
BLOCKS = {
    "header.mjml": (Block.Kind.HEADER, _("Header")),
    "text.mjml": (Block.Kind.TEXT, _("Text with a button")),
    "product.mjml": (Block.Kind.PRODUCT, _("Product")),
    "coupon.mjml": (Block.Kind.COUPON, _("Coupon with a QR code")),
    "footer.mjml": (Block.Kind.FOOTER, _("Footer")),
    "coupon.md": (Block.Kind.COUPON, _("Coupon with a QR code")),
    "footer.md": (Block.Kind.FOOTER, _("Footer")),
    "footer.html": (Block.Kind.FOOTER, _("Footer")),
}


def make_ready_content(using: str = DEFAULT_DB_ALIAS, **kwargs: Argument) -> None:
    """Make the templates and blocks that were never made. Called after each migration."""
    if using != DEFAULT_DB_ALIAS:
        return
    tables = connections[using].introspection.table_names()
    if not {model._meta.db_table for model in (Seed, MailTemplate, Block)} <= {*tables}:
        return
    for language, _itself in settings.LANGUAGES:
        of = "" if language == settings.LANGUAGE_CODE else f"{language}/"
        for file in TEMPLATES:
            seeds.make_once(f"template {of}{file}", partial(make_template, file, language))
        for file in BLOCKS:
            seeds.make_once(f"block {of}{file}", partial(make_block, file, language))


def find_folder(language: str) -> Path:
    """Return the folder of the ready content in a language."""
    return FOLDER if language == settings.LANGUAGE_CODE else FOLDER / language


def make_template(file: str, language: str = settings.LANGUAGE_CODE) -> MailTemplate:
    """Make one of the ready templates."""
    path = find_folder(language) / file
    with translation.override(language):
        name, description, subject, preheader = map(str, TEMPLATES[file])
    return MailTemplate.objects.create(
        name=name,
        description=description,
        subject=subject,
        preheader=preheader,
        body_format=FORMATS[path.suffix],
        body=path.read_text(),
        language=language,
    )


def make_block(file: str, language: str = settings.LANGUAGE_CODE) -> Block:
    """Make one of the ready blocks."""
    kind, name = BLOCKS[file]
    path = find_folder(language) / "blocks" / file
    with translation.override(language):
        called = str(name)
    return Block.objects.create(
        kind=kind, name=called, body_format=FORMATS[path.suffix], body=path.read_text(), language=language
    )
