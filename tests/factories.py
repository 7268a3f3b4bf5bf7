"""Valid rows for tests, each built with no arguments.

The campaign factories take `status=` and insert the row as it stands: no history, no second save. What belongs to a
campaign is inserted before it (its foreign keys are checked at the end of the transaction), because nothing may be
added to a campaign that is locked.
"""

import hashlib
from datetime import timedelta

import factory
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from campaigns.models import Heartbeat, UserSettings
from mailing.models import (
    Block,
    Contact,
    ContactList,
    Delivery,
    DkimKey,
    EmailCampaign,
    HeldReport,
    MailTemplate,
    Membership,
    Picture,
    Segment,
    SenderDomain,
    SmtpConnection,
    Suppression,
    Target,
)
from pos.models import Location, Sale, Till
from promotions.models import Coupon, CustomerGroup, Link, Promotion, PromotionCampaign


class HeartbeatFactory(DjangoModelFactory):
    class Meta:
        model = Heartbeat

    cluster = "default"
    host = factory.Sequence(lambda n: f"host{n}")
    process = 4711
    at = factory.LazyFunction(timezone.now)
    asked_at = factory.LazyFunction(timezone.now)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@shop.example")
    password = factory.django.Password("a long enough password")


class UserSettingsFactory(DjangoModelFactory):
    class Meta:
        model = UserSettings

    user = factory.SubFactory(UserFactory)
    time_zone = "Europe/Berlin"


def user_in(role: str, **fields):
    """A user of the group Marketers, Analysts or Administrators."""
    from django.contrib.auth.models import Group

    user = UserFactory(**fields)
    user.groups.add(Group.objects.get(name=role))
    return user


class LocationFactory(DjangoModelFactory):
    class Meta:
        model = Location

    code = factory.Sequence(lambda n: f"L{n}")
    name = factory.Sequence(lambda n: f"Shop {n}")
    time_zone = "Europe/Berlin"
    currency = "EUR"


class TillFactory(DjangoModelFactory):
    class Meta:
        model = Till

    class Params:
        key = factory.Sequence(lambda n: f"till_{n:032d}")

    location = factory.SubFactory(LocationFactory)
    name = factory.Sequence(lambda n: f"Till {n}")
    key_hash = factory.LazyAttribute(lambda till: hashlib.sha256(till.key.encode()).hexdigest())


class SaleFactory(DjangoModelFactory):
    class Meta:
        model = Sale

    location = factory.SubFactory(LocationFactory)
    reference = factory.Sequence(lambda n: f"S{n}")
    currency = "EUR"
    body_hash = b"\0" * 32


class CustomerGroupFactory(DjangoModelFactory):
    class Meta:
        model = CustomerGroup

    code = factory.Sequence(lambda n: f"group{n}")
    name = factory.Sequence(lambda n: f"Group {n}")


class PromotionFactory(DjangoModelFactory):
    class Meta:
        model = Promotion

    name = factory.Sequence(lambda n: f"Promotion {n}")
    status = Promotion.Status.ACTIVE
    benefit = factory.LazyFunction(lambda: {"type": "percent", "percent": 1000})


class CouponFactory(DjangoModelFactory):
    class Meta:
        model = Coupon

    promotion = factory.SubFactory(PromotionFactory, trigger=Promotion.Trigger.COUPON)
    code = factory.Sequence(lambda n: f"COUPON{n}")


class CampaignFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    name = factory.Sequence(lambda n: f"Campaign {n}")
    status = "draft"

    @classmethod
    def _create(cls, model_class, *args, parts=(), **fields):
        """Insert the `parts`, functions of the campaign's key, and then the campaign itself."""
        with transaction.atomic():
            if parts:
                fields["pk"] = fields["id"] = next_key()
                for insert in parts:
                    insert(fields["pk"])
            campaign = model_class(**fields)
            campaign.save(force_insert=True)
        return model_class.objects.get(pk=campaign.pk)


def next_key() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('campaigns_campaign', 'id'))")
        return cursor.fetchone()[0]


def window(status: str) -> tuple:
    """The start and end of a promotion campaign in this state."""
    day = timedelta(days=1)
    now = timezone.now()
    if status in ("draft", "scheduled"):
        return now + day, now + 8 * day
    if status == "expired":
        return now - 8 * day, now - day
    return now - day, now + 7 * day


class PromotionCampaignFactory(CampaignFactory):
    class Meta:
        model = PromotionCampaign

    class Params:
        discounting = False

    starts_at = factory.LazyAttribute(lambda campaign: window(campaign.status)[0])
    ends_at = factory.LazyAttribute(lambda campaign: window(campaign.status)[1])
    currency = "EUR"

    @factory.lazy_attribute
    def parts(self):
        if not self.discounting:
            return []
        promotion = PromotionFactory()
        return [lambda key: Link.objects.bulk_create([Link(campaign_id=key, promotion=promotion)])]


class ContactFactory(DjangoModelFactory):
    class Meta:
        model = Contact

    email = factory.Sequence(lambda n: f"contact{n}@example.com")
    first_name = factory.Sequence(lambda n: f"Ada{n}")
    last_name = "Byron"


class PictureFactory(DjangoModelFactory):
    """A row of the library, without its file."""

    class Meta:
        model = Picture

    name = factory.Sequence(lambda n: f"Picture {n}")
    alt = "A red teapot"
    file = factory.Sequence(lambda n: f"{n:040x}.png")
    width, height, size = 600, 400, 9000


class MailTemplateFactory(DjangoModelFactory):
    class Meta:
        model = MailTemplate

    name = factory.Sequence(lambda n: f"Template {n}")
    subject = "News"
    body_format = "html"
    body = '<p>Hello</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'


class BlockFactory(DjangoModelFactory):
    class Meta:
        model = Block

    name = factory.Sequence(lambda n: f"Block {n}")
    body_format = "html"
    body = "<p>A block</p>"


class ContactListFactory(DjangoModelFactory):
    class Meta:
        model = ContactList
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"List {n}")

    @factory.post_generation
    def contacts(self, create, extracted, **kwargs):
        Membership.objects.bulk_create(Membership(list=self, contact=contact) for contact in extracted or [])


class SegmentFactory(DjangoModelFactory):
    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment {n}")


class SuppressionFactory(DjangoModelFactory):
    class Meta:
        model = Suppression

    email = factory.Sequence(lambda n: f"suppressed{n}@example.com")


class HeldReportFactory(DjangoModelFactory):
    class Meta:
        model = HeldReport

    digest = factory.Sequence(lambda n: f"{n:064x}")
    kind = "unknown"
    sender = "postmaster@elsewhere.example"
    subject = "About your mail"
    content = b"From: postmaster@elsewhere.example\nSubject: About your mail\n\nIt was odd."


class DkimKeyFactory(DjangoModelFactory):
    """A key that signs the mails of signed.example."""

    class Meta:
        model = DkimKey

    domain = factory.LazyFunction(lambda: SenderDomain.objects.get_or_create(name="signed.example")[0])
    algorithm = "ed25519"
    selector = factory.Sequence(lambda n: f"key{n}")
    private_key = public_key = "not looked at"
    switched_on_at = factory.LazyFunction(timezone.now)


class SmtpConnectionFactory(DjangoModelFactory):
    class Meta:
        model = SmtpConnection

    name = factory.Sequence(lambda n: f"Server {n}")
    host = "127.0.0.1"
    port = 2525
    tls = SmtpConnection.Tls.NONE
    from_email = "shop@example.com"
    from_name = "The Shop"


class EmailCampaignFactory(CampaignFactory):
    class Meta:
        model = EmailCampaign

    class Params:
        launchable = False

    starts_at = factory.LazyAttribute(lambda campaign: email_times(campaign.status)[0])
    launched_at = factory.LazyAttribute(lambda campaign: email_times(campaign.status)[1])
    finished_at = factory.LazyAttribute(lambda campaign: email_times(campaign.status)[2])
    prepared_at = factory.LazyAttribute(
        lambda campaign: (
            None if campaign.launchable and campaign.status in ("running", "paused") else campaign.launched_at
        )
    )
    subject = factory.LazyAttribute(
        lambda campaign: "News for {{ first_name }}" if campaign.launchable else ""
    )
    from_name = factory.LazyAttribute(lambda campaign: "The Shop" if campaign.launchable else "")
    from_email = factory.LazyAttribute(lambda campaign: "shop@example.com" if campaign.launchable else "")
    body = factory.LazyAttribute(
        lambda campaign: (
            "Hello {{ first_name }},\n\nwe have news. [Read them](https://shop.example/news)\n\n"
            "[Unsubscribe]({{ unsubscribe_url }})"
            if campaign.launchable
            else ""
        )
    )
    connection = factory.Maybe("launchable", factory.SubFactory(SmtpConnectionFactory), None)

    @factory.lazy_attribute
    def parts(self):
        if not self.launchable:
            return []
        contacts = ContactListFactory(contacts=ContactFactory.create_batch(3))
        return [lambda key: Target.objects.bulk_create([Target(campaign_id=key, list=contacts)])]


def email_times(status: str) -> tuple:
    """When an e-mail campaign in this state starts, was launched and finished."""
    now, hour = timezone.now(), timedelta(hours=1)
    if status == "draft":
        return None, None, None
    if status == "scheduled":
        return now + hour, None, None
    started = now - hour
    return started, started, None if status in ("running", "paused") else now


class DeliveryFactory(DjangoModelFactory):
    class Meta:
        model = Delivery

    campaign = factory.SubFactory(EmailCampaignFactory, status="running")
    contact = factory.SubFactory(ContactFactory)
    email = factory.LazyAttribute(lambda delivery: delivery.contact.email)
