"""The three roles and what each may do; granted to groups of these names after every migration.

A permission named here may belong to an app above: names are not imports.
"""

from django.apps import apps
from django.db.models import Q

VIEWED = ("campaigns", "promotions", "pos", "mailing")  # apps whose every model an analyst may look at

MARKETER = [
    "mailing.add_emailcampaign",
    "mailing.change_emailcampaign",
    "mailing.delete_emailcampaign",
    "mailing.operate_emailcampaign",
    "mailing.add_contact",
    "mailing.change_contact",
    "mailing.delete_contact",
    "mailing.add_contactlist",
    "mailing.change_contactlist",
    "mailing.delete_contactlist",
    "mailing.add_segment",
    "mailing.change_segment",
    "mailing.delete_segment",
    "mailing.add_suppression",
    "promotions.add_promotioncampaign",
    "promotions.change_promotioncampaign",
    "promotions.delete_promotioncampaign",
    "promotions.operate_promotioncampaign",
    "promotions.add_promotion",
    "promotions.change_promotion",
    "promotions.delete_promotion",
    "promotions.add_coupon",
    "promotions.change_coupon",
    "promotions.delete_coupon",
    "promotions.add_customergroup",
    "promotions.change_customergroup",
]


def grant(using: str = "default", **kwargs) -> None:
    """Give the groups Analysts, Marketers and Administrators their permissions, as far as they exist by now."""
    if not apps.is_installed("django.contrib.auth"):
        return
    groups = apps.get_model("auth.Group").objects.using(using)
    permissions = apps.get_model("auth.Permission").objects.using(using).select_related("content_type")
    viewing = Q(content_type__app_label__in=VIEWED, codename__startswith="view_")
    named = Q()
    for name in MARKETER:
        app_label, codename = name.split(".")
        named |= Q(content_type__app_label=app_label, codename=codename)
    own = Q(content_type__app_label__in=VIEWED) | Q(content_type__app_label__in=["auth", "django_q"])
    for role, granted in {"Analysts": viewing, "Marketers": viewing | named, "Administrators": own}.items():
        group, _ = groups.get_or_create(name=role)
        group.permissions.set(permissions.filter(granted))
