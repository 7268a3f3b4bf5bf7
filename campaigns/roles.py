"""The three roles and their permissions. A migration gives them, once, to groups of these names.

A permission named here may belong to an app above: names are not imports.
"""

from collections.abc import Iterable

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group
from django.db import connections, transaction
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from campaigns import seeds
from campaigns.annotations import Argument
from campaigns.models import Seed

NAMES = (gettext_noop("Analysts"), gettext_noop("Marketers"), gettext_noop("Administrators"))

APPS_TO_VIEW = ("campaigns", "promotions", "pos", "mailing")  # apps whose every model an analyst may look at

MARKETER = [
    "mailing.add_emailcampaign",
    "mailing.change_emailcampaign",
    "mailing.delete_emailcampaign",
    "mailing.operate_emailcampaign",
    "mailing.add_contact",
    "mailing.change_contact",
    "mailing.delete_contact",
    "mailing.export_contact",
    "mailing.add_contactlist",
    "mailing.change_contactlist",
    "mailing.delete_contactlist",
    "mailing.add_segment",
    "mailing.change_segment",
    "mailing.delete_segment",
    "mailing.add_suppression",
    "mailing.change_suppression",
    "mailing.delete_suppression",
    "mailing.change_heldreport",
    "mailing.add_picture",
    "mailing.change_picture",
    "mailing.delete_picture",
    "mailing.add_mailtemplate",
    "mailing.change_mailtemplate",
    "mailing.add_block",
    "mailing.change_block",
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
    "pos.change_articlecost",
]

APPS_OF_OTHERS = ("auth", "django_q")  # apps of others that have permissions we give

# beside everything in VIEWED: people, but not what a role may do (that is for superusers), and failed tasks
ADMINISTRATOR = [
    "auth.add_user",
    "auth.change_user",
    "auth.delete_user",
    "auth.view_user",
    "auth.view_group",
    "django_q.change_failure",
    "django_q.delete_failure",
]


def grant(using: str = "default", **kwargs: Argument) -> None:
    """Make the groups Analysts, Marketers and Administrators, and give them the permissions that exist by now.

    Each group is made and each permission given only once. What people took away, renamed or deleted since stays so,
    and only the permissions of a new version are added.
    """
    if not apps.is_installed("django.contrib.auth") or kwargs["sender"].label not in (
        *APPS_TO_VIEW,
        *APPS_OF_OTHERS,
    ):
        return
    # Django's own receiver comes after this one
    create_permissions(kwargs["sender"], verbosity=0, using=using)
    if Seed._meta.db_table not in connections[using].introspection.table_names():  # before its migration
        return
    with transaction.atomic(using=using):
        for role, granted in _grants().items():
            _grant_to(role, granted, using)


def find_group(role: str) -> Group | None:
    """Return the group of a role, also if it was renamed; None when it was deleted."""
    return seeds.find_row(f"role {role}", apps.get_model("auth.Group").objects.all())


def name_role(name: str) -> str:
    """Name a role in the language of the page; one that people made or renamed keeps its name."""
    return gettext(name) if name in NAMES else name


def _grants() -> dict[str, Q]:
    viewing = Q(content_type__app_label__in=APPS_TO_VIEW, codename__startswith="view_")
    own = Q(content_type__app_label__in=APPS_TO_VIEW)
    queue = Q(content_type__app_label="django_q", codename__startswith="view_")
    return {
        "Analysts": viewing,
        "Marketers": viewing | _permissions_named(MARKETER),
        "Administrators": own | queue | _permissions_named(ADMINISTRATOR),
    }


def _permissions_named(names: Iterable[str]) -> Q:
    named = Q(pk__in=[])
    for name in names:
        app_label, codename = name.split(".")
        named |= Q(content_type__app_label=app_label, codename=codename)
    return named


def _grant_to(role: str, granted: Q, using: str) -> None:
    groups = apps.get_model("auth.Group").objects.using(using)
    permissions = apps.get_model("auth.Permission").objects.using(using).select_related("content_type")
    given = Seed.objects.using(using)
    seed, is_new = given.get_or_create(key=f"role {role}")
    if is_new:
        seed.object_id = groups.get_or_create(name=role)[0].pk
        seed.save(using=using)
    keys = {
        f"grant {role} {permission.content_type.app_label}.{permission.codename}": permission
        for permission in permissions.filter(granted)
    }
    known = set(given.filter(key__startswith=f"grant {role} ").values_list("key", flat=True))
    new = [key for key in keys if key not in known]
    if new and (group := groups.filter(pk=seed.object_id).first()):
        group.permissions.add(*[keys[key] for key in new])
    given.bulk_create([Seed(key=key) for key in new], ignore_conflicts=True)
