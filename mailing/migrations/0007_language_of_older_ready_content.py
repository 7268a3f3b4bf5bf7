"""Gives the ready templates and blocks of an older installation their language, which is English.

Those that somebody edited since stay without one: they are offered to everybody, as what colleagues made.
"""

from django.conf import settings
from django.db import migrations
from django.db.models import Exists, OuterRef


def set_language(apps, schema_editor):
    """Set the language of ready content that was made before there were others."""
    seeds = apps.get_model("campaigns", "Seed").objects
    edits = apps.get_model("campaigns", "Edit").objects
    for name, seed in (("MailTemplate", "template"), ("Block", "block")):
        made = seeds.filter(key__startswith=f"{seed} ", object_id__isnull=False).exclude(key__contains="/")
        edited = edits.filter(thing=f"mailing.{name.lower()}", key=OuterRef("pk"), is_new=False)
        rows = apps.get_model("mailing", name).objects.filter(language="", pk__in=made.values("object_id"))
        rows.filter(~Exists(edited)).update(language=settings.LANGUAGE_CODE)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_guards"),
        ("mailing", "0006_language_of_ready_content"),
    ]

    # backwards nothing is to be done: 0006 takes the column away
    operations = [migrations.RunPython(set_language, migrations.RunPython.noop)]
