"""The library of pictures: takes them in, keeps their files, and deletes those that no mail shows.

A file is named by its content. So its address may be kept by everybody for ever, and the same picture uploaded twice is
one. Readers of mails sent long ago still ask for it: it is deleted only when nothing here shows it.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.atomic_files import replace_file
from campaigns.refusals import Refused
from mailing import renderer
from mailing.models import Block, CampaignVersion, EmailCampaign, MailTemplate, Picture, SplitTest

MOST_OFFERED = 60  # in a chooser, the newest
MOST_BYTES = 10 * 1024 * 1024  # of an uploaded file; the front takes no longer request
LETTERS_OF_NAME = 40  # of the hash in the name of a file
USES_NAMED = 5
CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}

REASONS = {
    "svg": gettext_lazy("It is an SVG drawing, which mail programs do not show: save it as PNG."),
    "unknown": gettext_lazy("It is no picture that can be read: choose a PNG, JPEG, GIF or WebP file."),
    "broken": gettext_lazy("The picture is broken or not whole: save it again and choose that file."),
    "pixels": gettext_lazy(
        "The picture has too many pixels: make it smaller, 1,200 wide is enough for a mail."
    ),
    "frames": gettext_lazy("The animation has too many frames for its size: make it shorter or smaller."),
    "tall": gettext_lazy("The picture is too tall for a mail: cut it into several."),
    "heavy": gettext_lazy(
        "The picture is too heavy for a mail, even at 1,200 pixels wide: choose a simpler one."
    ),
    "hard": gettext_lazy(
        "The picture takes too long to read: make it smaller, 1,200 wide is enough for a mail."
    ),
}


class Use(NamedTuple):
    """Something that shows a picture: what it is, in words, and its name."""

    kind: str
    name: str


def add_picture(data: bytes, *, name: str, alt: str, by: User | None = None) -> tuple[Picture, bool]:
    """Make an uploaded picture fit for mails and keep it; return it, and whether it is new.

    Raises:
        Refused: it cannot be used in a mail.
    """
    try:
        ready = renderer.prepare_picture(data)
    except renderer.PictureRefused as error:
        raise Refused([("file", str(REASONS[error.reason]))]) from error
    file = f"{hashlib.sha256(ready.data).hexdigest()[:LETTERS_OF_NAME]}.{ready.extension}"
    with transaction.atomic():
        picture, is_new = Picture.objects.get_or_create(  # waits for a deletion of the same one
            file=file,
            defaults={
                "name": name,
                "alt": alt,
                "width": ready.width,
                "height": ready.height,
                "size": len(ready.data),
                "is_animated": ready.is_animated,
                "by": by,
            },
        )
        if not find_path(file).exists():
            replace_file(find_path(file), ready.data)
    return picture, is_new


def find_path(file: str) -> Path:
    """Return where the file of a picture stands."""
    folder = Path(settings.PICTURES) if settings.PICTURES else settings.VAR_DIR / "pictures"
    return folder / file[:2] / file


def delete_picture(picture: Picture) -> None:
    """Delete a picture with its file.

    Raises:
        Refused: a mail, a template or a block shows it.
    """
    with transaction.atomic():
        Picture.objects.select_for_update().get(pk=picture.pk)
        uses = [*list_uses(picture)]
        if uses:
            named = ", ".join(f"{use.kind} “{use.name}”" for use in uses[:USES_NAMED])
            if more := len(uses) - USES_NAMED:
                named = (
                    named if more < 0 else _("%(named)s and %(more)s more") % {"named": named, "more": more}
                )
            raise Refused(_("It is shown by: %(named)s.") % {"named": named})
        picture.delete()
        # within the transaction: an upload of the same picture waits for its end, and writes the file anew
        find_path(picture.file).unlink(missing_ok=True)


def list_uses(picture: Picture) -> Iterator[Use]:
    """Yield what shows a picture: mails of any state, also archived ones, and what new mails are made from.

    An earlier version of a mail counts, too: brought back, it would lack the picture.
    """
    tests = SplitTest.objects.annotate(others=Cast("bodies", models.TextField())).filter(
        others__contains=picture.file
    )
    mails = EmailCampaign.objects.filter(Q(body__contains=picture.file) | Q(pk__in=tests.values("campaign")))
    versions = CampaignVersion.objects.annotate(whole=Cast("values", models.TextField())).filter(
        whole__contains=picture.file
    )
    earlier = EmailCampaign.objects.filter(pk__in=versions.values("campaign")).exclude(
        pk__in=mails.values("pk")
    )
    for kind, rows in (
        (_("e-mail"), mails.order_by("-pk")),
        (_("earlier version of the e-mail"), earlier.order_by("-pk")),
        (_("template"), MailTemplate.objects.filter(body__contains=picture.file)),
        (_("block"), Block.objects.filter(body__contains=picture.file)),
    ):
        for name in rows.values_list("name", flat=True):
            yield Use(kind, name)
