"""The templates and blocks that an installation is given once. What people changed or archived since stays so."""

from functools import partial
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

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
        "Newsletter",
        "Two stories side by side, and news in short.",
        "What is new this month",
        "Two stories and news in short",
    ),
    "offer.mjml": (
        "Offer with a coupon",
        "A code of their own for each reader, as text and as QR code. Choose its promotion under Offer.",
        "{{ offer.label | default: 'Your offer' }}: your code is inside",
        "Show it at the till",
    ),
    "welcome.mjml": (
        "Welcome",
        "A friendly first mail, with three places to begin.",
        "Welcome{% if first_name %}, {{ first_name }}{% endif %}!",
        "It is good to have you with us",
    ),
    "letter.md": ("Plain letter", "Text only, as from one person to another.", "A word from us", ""),
}
# file: kind, name
BLOCKS = {
    "header.mjml": (Block.Kind.HEADER, "Header"),
    "text.mjml": (Block.Kind.TEXT, "Text with a button"),
    "product.mjml": (Block.Kind.PRODUCT, "Product"),
    "coupon.mjml": (Block.Kind.COUPON, "Coupon with a QR code"),
    "footer.mjml": (Block.Kind.FOOTER, "Footer"),
    "coupon.md": (Block.Kind.COUPON, "Coupon with a QR code"),
    "footer.md": (Block.Kind.FOOTER, "Footer"),
    "footer.html": (Block.Kind.FOOTER, "Footer"),
}


def make_ready_content(using: str = DEFAULT_DB_ALIAS, **kwargs: Argument) -> None:
    """Make the templates and blocks that were never made. Called after each migration."""
    if using != DEFAULT_DB_ALIAS:
        return
    tables = connections[using].introspection.table_names()
    if not {model._meta.db_table for model in (Seed, MailTemplate, Block)} <= {*tables}:
        return
    for file in TEMPLATES:
        seeds.make_once(f"template {file}", partial(make_template, file))
    for file in BLOCKS:
        seeds.make_once(f"block {file}", partial(make_block, file))


def make_template(file: str) -> MailTemplate:
    """Make one of the ready templates."""
    name, description, subject, preheader = TEMPLATES[file]
    path = FOLDER / file
    return MailTemplate.objects.create(
        name=name,
        description=description,
        subject=subject,
        preheader=preheader,
        body_format=FORMATS[path.suffix],
        body=path.read_text(),
    )


def make_block(file: str) -> Block:
    """Make one of the ready blocks."""
    kind, name = BLOCKS[file]
    path = FOLDER / "blocks" / file
    return Block.objects.create(kind=kind, name=name, body_format=FORMATS[path.suffix], body=path.read_text())
