from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.fields import DatabaseTimeField
from mailing.models.email import STORED_LETTERS, EmailCampaign


class Picture(models.Model):
    """A picture that was uploaded for mails. Its file is named by its content, so it never changes."""

    name = models.CharField(_("name"), max_length=150)
    alt = models.CharField(_("alt text"), max_length=250, blank=True)
    file = models.CharField(_("file"), max_length=60, unique=True, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False, help_text=_("Pixels."))
    height = models.PositiveIntegerField(_("height"), editable=False, help_text=_("Pixels."))
    size = models.PositiveIntegerField(_("size"), editable=False, help_text=_("Bytes."))
    is_animated = models.BooleanField(_("animated"), default=False, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """The path of its file, for pages of this site."""
        return reverse("mailing:picture_file", args=[self.file])

    @property
    def address(self) -> str:
        """The whole address of its file, for mails."""
        return f"{settings.PUBLIC_URL}{self.path}"


class ReusableContent(models.Model):
    """Content that is kept to be used again, as a copy: what was made from it does not change with it."""

    name = models.CharField(_("name"), max_length=150)
    description = models.CharField(
        _("description"), max_length=250, blank=True, help_text=_("Only people here read it.")
    )
    body_format = models.CharField(
        _("format"), max_length=10, choices=EmailCampaign.Format, default=EmailCampaign.Format.MJML
    )
    body = models.TextField(_("content"), validators=[MaxLengthValidator(STORED_LETTERS)])
    # of a ready one, which is offered to people who work in it; blank: offered to everybody
    language = models.CharField(_("language"), max_length=10, blank=True, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class MailTemplate(ReusableContent):
    """The content of a whole mail to begin with."""

    subject = models.CharField(_("subject"), max_length=250, blank=True)
    preheader = models.CharField(_("preheader"), max_length=250, blank=True)

    class Meta(ReusableContent.Meta):
        default_permissions = ("add", "change", "view")
        verbose_name = _("template")
        verbose_name_plural = _("templates")


class Block(ReusableContent):
    """A piece of a mail, such as its header or a product, to insert into bodies of its format."""

    class Kind(models.TextChoices):
        HEADER = "header", _("Header")
        TEXT = "text", _("Text")
        PRODUCT = "product", _("Product")
        COUPON = "coupon", _("Coupon")
        FOOTER = "footer", _("Footer")
        OTHER = "other", _("Other")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.OTHER)

    class Meta(ReusableContent.Meta):
        default_permissions = ("add", "change", "view")
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        ordering = ["kind", "name", "pk"]
