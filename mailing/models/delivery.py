from django.db import models
from django.utils.translation import gettext_lazy

from campaigns import database_time, dates


class Delivery(models.Model):
    """One recipient of one campaign. These rows are the ledger: every figure is a sum over them.

    The relations carry no foreign key in the database: checking three of them took longer than making a million rows,
    and locked the rows they name. A campaign with recipients cannot be deleted (a trigger holds it), nor a connection
    (PROTECT); a delivery whose contact is gone is skipped, and so is one whose code is.
    """

    class Status(models.TextChoices):
        """Where a delivery stands.

        pending: waits until it is due. claimed: a run has taken it and will send it; when the run dies, it is pending
        again. in_data: its content may be on the way to the server, from the moment before the first byte leaves; when
        the run dies, it is uncertain. accepted: the server took it. deferred: the server said to try again later.
        bounced: the address was refused. failed: it could not be sent, or was tried too long. uncertain: nobody knows
        whether the server took it, and no program sends it again. skipped: not to be sent any more, for a `Reason`.
        held_out: drawn for the hold-out, never sent.
        """

        PENDING = "pending", gettext_lazy("Waiting")
        CLAIMED = "claimed", gettext_lazy("Being sent")
        IN_DATA = "in_data", gettext_lazy("Being handed over")
        ACCEPTED = "accepted", gettext_lazy("Accepted")
        DEFERRED = "deferred", gettext_lazy("Will be tried again")
        BOUNCED = "bounced", gettext_lazy("Bounced")
        FAILED = "failed", gettext_lazy("Failed")
        UNCERTAIN = "uncertain", gettext_lazy("Uncertain")
        SKIPPED = "skipped", gettext_lazy("Skipped")
        HELD_OUT = "held_out", gettext_lazy("Held out")

    UNFINISHED = (Status.PENDING, Status.CLAIMED, Status.IN_DATA, Status.DEFERRED)

    class Reason(models.TextChoices):
        """Why a delivery was skipped."""

        SUPPRESSED = "suppressed", gettext_lazy("Suppressed")
        UNSUBSCRIBED = "unsubscribed", gettext_lazy("Unsubscribed")
        CANCELLED = "cancelled", gettext_lazy("Campaign cancelled")
        STOPPED = "stopped", gettext_lazy("Campaign failed")
        FREQUENCY = "frequency", gettext_lazy("Too soon after another mail, as the contact asked")
        INVALID = "invalid", gettext_lazy("No contact any more")
        HELD_OUT = "held_out", gettext_lazy("Held out of all mails")
        NO_CODE = "no_code", gettext_lazy("Its code was switched off")

    campaign = models.ForeignKey(
        "mailing.EmailCampaign",
        models.PROTECT,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    contact = models.ForeignKey(
        "mailing.Contact",
        models.SET_NULL,
        null=True,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    email = models.CharField(max_length=254)
    connection = models.ForeignKey(
        "mailing.SmtpConnection",
        models.PROTECT,
        null=True,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    coupon = models.ForeignKey(
        "promotions.Coupon",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
        help_text="The code that the mail bears; one for all recipients where the campaign's code is shared.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    reason = models.CharField(max_length=20, choices=Reason, blank=True, help_text="Why it was skipped.")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(
        null=True,
        blank=True,
        default=database_time.now,
        help_text="When to try; empty while it is sent, once it is done, and while an A/B test holds it.",
    )
    run = models.BigIntegerField(null=True, blank=True, help_text="The run that took it last; see Lane.")
    variant = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Of an A/B test, from 0; empty while the recipient is held.",
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    # the last answer
    stage = models.CharField(max_length=10, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    text = models.TextField(blank=True)
    # the first of each
    opened_at = models.DateTimeField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the recipient's server took it, as a provider reports.",
    )

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # a contact has one address, and an address one contact; led by the contact it also finds a person's mail
            models.UniqueConstraint(fields=["contact", "campaign"], name="contact_once_per_campaign"),
            models.CheckConstraint(
                name="held_out_is_never_sent",
                condition=~models.Q(status="held_out")
                | models.Q(attempts=0, sent_at=None, due_at=None, connection=None, coupon=None),
            ),
        ]
        # No index holds the status, or what else changes between claim and result: those updates stay HOT.
        indexes = [
            models.Index(fields=["campaign", "id"], name="delivery_of_campaign"),
            models.Index(
                fields=["connection", "campaign", "due_at", "id"],
                name="delivery_due",
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(fields=["run"], name="delivery_of_run", condition=models.Q(run__isnull=False)),
            models.Index(
                fields=["coupon"], name="delivery_of_coupon", condition=models.Q(coupon__isnull=False)
            ),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.email}: {self.get_status_display()}"


class Attempt(models.Model):
    """One try to hand a delivery to a server that was not accepted, or was accepted after earlier tries were not.

    A first try that is accepted has no row: its answer stands on the delivery.
    """

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries", db_constraint=False)
    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="tries", db_constraint=False, db_index=False
    )
    connection = models.ForeignKey(
        "mailing.SmtpConnection",
        models.PROTECT,
        null=True,
        related_name="tries",
        db_constraint=False,
        db_index=False,
    )
    at = models.DateTimeField(default=database_time.now)
    status = models.CharField(max_length=10, choices=Delivery.Status, help_text="What the delivery became.")
    stage = models.CharField(max_length=10, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["campaign", "-id"], name="attempt_latest")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return " ".join(filter(None, [f"{self.stage}:", str(self.code or ""), self.enhanced_code, self.text]))


class Tally(models.Model):
    """A change of one count. At any moment, sums over these rows equal counts over the ledger.

    A trigger on Delivery writes them in the transaction of the change; `mailing.tallies.fold_tallies` makes few
    of many.
    `measure` is a status of Delivery or a Measure. `at` is exact to ten seconds for five minutes, then to a quarter of
    an hour, which is enough for the hours and days of every time zone.
    """

    class Measure(models.TextChoices):
        OPENED = "opened", gettext_lazy("Opened")
        CLICKED = "clicked", gettext_lazy("Clicked")
        UNSUBSCRIBED = "unsubscribed", gettext_lazy("Unsubscribed")
        RETURNED = "returned", gettext_lazy("Bounced after acceptance")
        COMPLAINED = "complained", gettext_lazy("Complained")
        DELIVERED = "delivered", gettext_lazy("Reported as delivered, and not bounced since")

    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="tallies", db_constraint=False, db_index=False
    )
    connection = models.ForeignKey(
        "mailing.SmtpConnection",
        models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    variant = models.PositiveSmallIntegerField(null=True)
    measure = models.CharField(max_length=12)
    amount = models.BigIntegerField()
    at = models.DateTimeField(default=database_time.now)

    class Meta:
        verbose_name_plural = "tallies"
        indexes = [models.Index(fields=["campaign", "at"], name="tally_of_campaign")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.measure} {self.amount:+}"


class Event(models.Model):
    """What a recipient, or a machine on their behalf, did with a mail. Evidence: rows are only added.

    Only `origin` may change afterwards: the last click of a burst proves that a machine made all of them. No row
    holds an IP address or a User-Agent header; `mailing.visitors` reduces them to a few words.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", gettext_lazy("Opened")
        CLICKED = "clicked", gettext_lazy("Clicked")
        UNSUBSCRIBED = "unsubscribed", gettext_lazy("Unsubscribed")

    class Origin(models.TextChoices):
        """Who did it, as far as anybody can tell."""

        HUMAN = "human", gettext_lazy("A person")
        UNKNOWN = "unknown", gettext_lazy("A person or a machine")
        MACHINE = "machine", gettext_lazy("A machine")

    class Device(models.TextChoices):
        DESKTOP = "desktop", gettext_lazy("Desktop")
        MOBILE = "mobile", gettext_lazy("Mobile")
        TABLET = "tablet", gettext_lazy("Tablet")

    class Basis(models.TextChoices):
        """Why the law lets us keep a row that names a person."""

        CONSENT = "consent", gettext_lazy("Consent")
        INTEREST = "interest", gettext_lazy("Legitimate interest")
        EVIDENCE = "evidence", gettext_lazy("Evidence of unsubscribing")

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="events", db_constraint=False)
    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="events", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind)
    at = models.DateTimeField(default=database_time.now)
    link = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Which link was followed, from 0."
    )
    how = models.CharField(max_length=20, blank=True, help_text="For an unsubscription: one-click or page.")
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.HUMAN)
    device = models.CharField(max_length=8, choices=Device, blank=True)
    client = models.CharField(gettext_lazy("mail program"), max_length=30, blank=True)
    system = models.CharField(gettext_lazy("operating system"), max_length=20, blank=True)
    basis = models.CharField(max_length=8, choices=Basis)
    consent = models.ForeignKey(
        "mailing.TrackingConsent",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="event_has_basis",
                condition=models.Q(kind="unsubscribed", basis="evidence")
                | (~models.Q(kind="unsubscribed") & models.Q(basis__in=["consent", "interest"])),
            ),
            models.CheckConstraint(
                name="event_of_consent_names_it",
                condition=models.Q(basis="consent", consent__isnull=False)
                | (~models.Q(basis="consent") & models.Q(consent=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "kind", "link"], name="event_of_campaign"),
            models.Index(fields=["at"], name="event_by_age", condition=~models.Q(kind="unsubscribed")),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {dates.write_exact_moment(self.at)}"
