from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy

from campaigns import database_time
from campaigns.fields import DatabaseTimeField


class Location(models.Model):
    """A shop: where tills stand. It has its own time zone and currency."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="EUR")
    apply_personal_offers = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "A sale that names its customer gets the codes of that customer as if they had been presented."
        ),
    )
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Till(models.Model):
    """One till of a location. Its key is shown once and stored only as its SHA-256."""

    location = models.ForeignKey(Location, models.PROTECT, related_name="tills")
    name = models.CharField(max_length=100)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_hint = models.CharField(
        max_length=12, blank=True, editable=False, help_text=gettext_lazy("The last characters of the key.")
    )
    created_at = DatabaseTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    unknown_codes_per_minute = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1_000_000)],
        help_text=gettext_lazy(
            "Coupon codes that do not exist and may be tried in a minute before further new codes are refused. "
            "Raise it for a key that serves many tills."
        ),
    )
    may_send_offline = models.BooleanField(
        "may send offline sales",
        default=True,
        help_text=gettext_lazy(
            "Sales made without a connection are judged by the rules of their time and refused for no limit."
        ),
    )
    offline_days = models.PositiveIntegerField(
        "oldest offline sale, in days",
        null=True,
        blank=True,
        validators=[MaxValueValidator(36_500)],
        help_text=gettext_lazy(
            "How old a sale made offline may be when it comes in. "
            "Leave blank for the site's setting (OFFLINE_DAYS)."
        ),
    )
    offline_refused_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("When an offline sale of this till was last refused."),
    )
    offline_refused_why = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ["location", "name"]
        constraints = [models.UniqueConstraint(fields=["location", "name"], name="till_name_in_location")]

    def __str__(self) -> str:
        return f"{self.name}, {self.location}"


class Sale(models.Model):
    """A basket that a till committed or holds, with the answer it was given."""

    class State(models.TextChoices):
        HELD = "held", gettext_lazy("Held")
        COMMITTED = "committed", gettext_lazy("Committed")
        RELEASED = "released", gettext_lazy("Released")
        VOIDED = "voided", gettext_lazy("Voided")

    # no index of its own: that of the reference begins with it, and must be the one a till's look-up takes
    location = models.ForeignKey(Location, models.PROTECT, related_name="sales", db_index=False)
    till = models.ForeignKey(Till, models.PROTECT, related_name="sales", null=True, blank=True)
    reference = models.CharField(max_length=64, help_text=gettext_lazy("The till's own id of the sale."))
    state = models.CharField(max_length=10, choices=State, default=State.COMMITTED)
    customer = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField(default=0)
    discount = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    returned_total = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "What was paid back for what came back, in minor units; empty while nothing did."
        ),
    )
    body_hash = models.BinaryField(max_length=32)
    basket = models.JSONField(default=dict, help_text=gettext_lazy("The request as it was sent."))
    answer = models.TextField(
        default="{}", help_text=gettext_lazy("JSON: what the till was answered; sent again on a replay.")
    )
    reserved = models.JSONField(
        null=True,
        blank=True,
        help_text=gettext_lazy("While it is held: the lines of the ledger that its confirmation writes."),
    )
    at = models.DateTimeField(default=database_time.now)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("When a hold counts as released.")
    )
    offline_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("When a sale made offline came in; empty for others: `at`."),
    )

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["location", "reference"], name="sale_once_per_location")
        ]
        indexes = [
            # with what segments ask of all sales of all customers
            models.Index(
                fields=["customer"],
                include=["at", "currency", "total", "returned_total", "id"],
                condition=models.Q(state="committed"),
                name="sale_of_customer",
            ),
            models.Index(
                fields=["customer"],
                condition=~models.Q(state="committed") & ~models.Q(customer=""),
                name="sale_undone_of_customer",
            ),
            models.Index(fields=["expires_at"], condition=models.Q(state="held"), name="sale_held"),
            models.Index(
                fields=["received_at"],
                condition=models.Q(received_at__isnull=False),
                name="sale_made_offline",
            ),
            # what reports ask of a sale; the row itself, with its basket and answer, is twenty times as large
            models.Index(
                fields=["id"],
                include=["location", "state", "currency", "total", "returned_total", "customer"],
                name="sale_figures",
            ),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.reference


class Return(models.Model):
    """Units of a sale that came back, with the answer the till was given."""

    sale = models.ForeignKey(Sale, models.PROTECT, related_name="returns")
    till = models.ForeignKey(Till, models.PROTECT, related_name="returns", null=True, blank=True)
    reference = models.CharField(max_length=64, help_text=gettext_lazy("The till's own id of the return."))
    body_hash = models.BinaryField(max_length=32)
    units = models.JSONField(default=dict, help_text='{"line id": units}')
    discount = models.BigIntegerField(default=0, help_text=gettext_lazy("Given back, in minor units."))
    answer = models.TextField(
        help_text=gettext_lazy("JSON: what the till was answered; sent again on a replay.")
    )
    at = models.DateTimeField(default=database_time.now)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["sale", "reference"], name="return_once_per_sale")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.reference} of {self.sale}"


class UnfoldedSale(models.Model):
    """A sale that changed and whose sold lines are not written yet.

    Whoever commits, confirms, voids or takes back adds a row in the statement that it sends anyway. `pos.folding`
    deletes the row when it has written the lines.
    """

    sale_id = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"sale {self.sale_id}"


class SoldLine(models.Model):
    """One line of a committed sale, less what came back: what reports, segments and offers ask. Written by pos.folding.

    The table is partitioned by month of `at` (UTC). Amounts are in minor units of `currency`; `total` is what was paid
    for the line, `returned_total` what was paid back. A voided sale has no lines.
    """

    pk = models.CompositePrimaryKey("sale_id", "line", "at")
    sale = models.ForeignKey(
        Sale, models.DO_NOTHING, related_name="sold_lines", db_constraint=False, db_index=False
    )
    line = models.CharField(max_length=64, help_text=gettext_lazy("The till's own id of the line."))
    at = models.DateTimeField()
    location = models.ForeignKey(
        Location, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    customer = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    sku = models.CharField(max_length=64)
    categories = ArrayField(models.CharField(max_length=64))
    brand = models.CharField(max_length=64, blank=True)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    unit_price = models.BigIntegerField()
    discount = models.BigIntegerField()
    total = models.BigIntegerField()
    returned_quantity = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    returned_total = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["customer", "at"], condition=~models.Q(customer=""), name="sold_line_of_customer"
            ),
            models.Index(fields=["sku", "at"], name="sold_line_of_article"),
            models.Index(
                fields=["customer", "at"],
                condition=~models.Q(customer="") & models.Q(returned_quantity__gt=0),
                name="sold_line_returned",
            ),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"


class ArticleCost(models.Model):
    """What one unit of an article costs, in minor units of a currency; of what is weighed, one whole unit."""

    sku = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    cost = models.DecimalField(max_digits=16, decimal_places=4)
    updated_at = DatabaseTimeField(auto_now=True)

    class Meta:
        ordering = ["sku", "currency"]
        constraints = [models.UniqueConstraint(fields=["sku", "currency"], name="article_cost_once")]
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return f"{self.sku} in {self.currency}"
