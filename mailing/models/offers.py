"""The offer that a mail carries: columns of EmailCampaign."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

LONGEST_VALIDITY = 366  # days
OFFER_COLUMNS = (
    "offer",
    "promotion_campaign",
    "code_kind",
    "code_prefix",
    "code_ends_at",
    "code_days",
    "code_min_spend",
    "code_locations",
    "code_is_bound",
    "resumes_with_offer",
)
"""What people may change of an offer."""


class CarriedOffer(models.Model):
    """The promotion that a mail carries, the codes by which tills know it, and the campaign it stops with."""

    class CodeKind(models.TextChoices):
        PERSONAL = "personal", gettext_lazy("A code for each recipient, valid once")
        SHARED = "shared", gettext_lazy("One code for everybody")

    offer = models.ForeignKey(
        "promotions.Promotion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        help_text=gettext_lazy(
            "A promotion that applies with a coupon code. Choose none for a mail without an offer."
        ),
    )
    promotion_campaign = models.ForeignKey(
        "promotions.PromotionCampaign",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        help_text=gettext_lazy(
            "A campaign at the till that the mail announces: the mail pauses with it, also without an offer."
        ),
    )
    code_kind = models.CharField(
        gettext_lazy("kind of code"), max_length=10, choices=CodeKind, default=CodeKind.PERSONAL
    )
    code_prefix = models.CharField(
        gettext_lazy("codes begin with"),
        max_length=20,
        blank=True,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9-]*$", gettext_lazy("Letters of the alphabet, digits and hyphens only.")
            )
        ],
        help_text=gettext_lazy(
            "Nine random letters follow. With one code for everybody it is the whole code, if you type one."
        ),
    )
    code_ends_at = models.DateTimeField(gettext_lazy("codes end"), null=True, blank=True)
    code_days = models.PositiveSmallIntegerField(
        gettext_lazy("or days after the mail"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_VALIDITY)],
        help_text=gettext_lazy(
            "The code is valid until the end of that day. Leave both blank to keep it valid as long as the "
            "promotion."
        ),
    )
    code_min_spend = models.BigIntegerField(
        gettext_lazy("minimum spend with the code"),
        default=0,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=gettext_lazy("In minor units. The promotion may ask for more."),
    )
    code_locations = models.JSONField(
        gettext_lazy("locations of the codes"),
        default=list,
        blank=True,
        help_text=gettext_lazy("The codes of locations. Choose none for all where the promotion applies."),
    )
    code_is_bound = models.BooleanField(
        gettext_lazy("only for the customer themselves"),
        default=False,
        help_text=gettext_lazy(
            "The till must name the customer. Contacts without a customer number do not get the mail."
        ),
    )
    resumes_with_offer = models.BooleanField(
        gettext_lazy("resume automatically"),
        default=False,
        help_text=gettext_lazy(
            "The mail pauses when the promotion stops. Tick this to resume it when the promotion resumes."
        ),
    )
    offer_stopped_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it paused because its offer had stopped."
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(name="code_min_spend_from_0", condition=Q(code_min_spend__gte=0)),
            models.CheckConstraint(
                name="codes_end_in_one_way", condition=Q(code_ends_at=None) | Q(code_days=None)
            ),
        ]
