from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.annotations import Argument
from campaigns.fields import DatabaseTimeField
from campaigns.models import Edit
from mailing.addresses import normalise_address

# Of every contact, beside the name and the address: what a mail may say of them under these names.
STANDARD_FIELDS = ("phone", "city", "country", "language", "time_zone", "score")


class Frequency(models.TextChoices):
    """How much mail a contact asked for; the claim skips what would be too soon."""

    EVERY = "", gettext_lazy("Every e-mail")
    WEEKLY = "weekly", gettext_lazy("At most one a week")
    MONTHLY = "monthly", gettext_lazy("At most one in four weeks")


class Contact(models.Model):
    """A person who may get mail. The address identifies them; `customer_id` is the bridge to the till."""

    email = models.CharField(max_length=254, unique=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1, two letters.")
    language = models.CharField(
        max_length=35,
        blank=True,
        default="",
        db_default="",
        help_text="A tag of BCP 47, as de or pt-BR.",
    )
    time_zone = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The IANA name."
    )
    score = models.IntegerField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    customer_id = models.CharField(max_length=64, null=True, blank=True)
    frequency = models.CharField(
        gettext_lazy("e-mail frequency"),
        max_length=8,
        choices=Frequency,
        blank=True,
        default=Frequency.EVERY,
        db_default="",
        help_text=gettext_lazy("What they asked for on the preference page."),
    )
    soft_bounces = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Mails in a row given up after temporary refusals."
    )
    soft_bounced_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a report last said so after a server took the mail.",
    )
    engaged_on = models.DateField(
        "last open or click",
        null=True,
        blank=True,
        editable=False,
        help_text="In the tracking mode that keeps it.",
    )
    created_at = DatabaseTimeField(auto_now_add=True)
    updated_at = DatabaseTimeField(auto_now=True)

    class Meta:
        permissions = [("export_contact", "Can export contacts as files")]
        ordering = ["email"]
        # a field's own unique=True would make a second index, for LIKE, which costs imports a second for a million
        # with its condition the number is no key to PostgreSQL, and an import that writes it locks no keys of contacts
        constraints = [
            models.UniqueConstraint(
                fields=["customer_id"],
                name="contact_customer_id_once",
                condition=models.Q(customer_id__isnull=False),
                violation_error_code="unique",
                violation_error_message=gettext_lazy("A contact with this customer number already exists."),
            )
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Argument, **kwargs: Argument) -> None:
        self.email = normalise_address(self.email)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("mailing:contact", args=[self.pk])

    def delete(self, *args: Argument, **kwargs: Argument) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            self.lock_deliveries()
            # so that nobody puts the contact into a list after that was looked up
            Contact.objects.select_for_update().filter(pk=self.pk).first()
            Edit.objects.about(self).delete()
            return super().delete(*args, **kwargs)

    def lock_deliveries(self) -> list[int]:
        """Lock the mails of this contact, before the contact and what refers to it; return their keys."""
        rows = self.deliveries.order_by("pk").select_for_update(no_key=True)
        return list(rows.values_list("pk", flat=True))


class ContactList(models.Model):
    """A named list of contacts; a contact may be in many."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    is_public = models.BooleanField(
        gettext_lazy("public"),
        default=False,
        db_default=False,
        help_text=gettext_lazy("Contacts see it on their preference page, and may join and leave it there."),
    )
    contacts = models.ManyToManyField(Contact, through="mailing.Membership", related_name="lists")
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A contact's place in a list; unsubscribing from one list keeps the row as evidence."""

    list = models.ForeignKey(
        ContactList,
        models.CASCADE,
        related_name="memberships",
        db_index=False,  # the constraint's has it first
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships")
    joined_at = DatabaseTimeField(auto_now_add=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "contact"], name="contact_once_per_list")]

    def __str__(self) -> str:
        return f"{self.contact} in {self.list}"


class Segment(models.Model):
    """A tree of conditions on contacts, evaluated whenever it is used."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    tree = models.JSONField(default=dict, blank=True, help_text="Conditions nested in all, any and none.")
    is_active = models.BooleanField(
        gettext_lazy("active"),
        default=True,
        help_text=gettext_lazy("Can be chosen for campaigns. Campaigns that use it already keep using it."),
    )
    group = models.OneToOneField(
        "promotions.CustomerGroup",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Kept equal to it, so that promotions can be for those it chooses.",
    )
    filled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Suppression(models.Model):
    """An address that gets no campaign, and why. It outlives its contact."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", gettext_lazy("Hard bounce")
        SOFT_BOUNCE = "soft_bounce", gettext_lazy("Soft bounces in a row")
        COMPLAINT = "complaint", gettext_lazy("Complaint")
        UNSUBSCRIBED = "unsubscribed", gettext_lazy("Unsubscribed")
        MANUAL = "manual", gettext_lazy("Added by hand")
        LIST_IMPORT = "list_import", gettext_lazy("Imported")

    class Source(models.TextChoices):
        SMTP = "smtp", gettext_lazy("Refused while sending")
        MAILBOX = "mailbox", gettext_lazy("Bounce mailbox")
        WEBHOOK = "webhook", "Webhook"
        TRACKING_LINK = "tracking_link", gettext_lazy("Link in a mail")
        MANUAL = "manual", gettext_lazy("By hand")
        CSV_IMPORT = "csv_import", gettext_lazy("CSV import")
        API = "api", "API"

    email = models.CharField(max_length=254, unique=True)
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.MANUAL)
    source = models.CharField(max_length=20, choices=Source, default=Source.MANUAL)
    detail = models.TextField(blank=True)
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.CheckConstraint(name="suppression_has_address", condition=~Q(email=""))]

    def __str__(self) -> str:
        return f"{self.email}: {self.get_reason_display()}"

    def save(self, *args: Argument, **kwargs: Argument) -> None:
        self.email = normalise_address(self.email)
        super().save(*args, **kwargs)
