"""An index for the search of contacts by parts of words, where PostgreSQL has the extension pg_trgm.

Where it has not, `manage.py index_contacts` makes the index once it has.
"""

from django.db import migrations

from mailing import contact_search


def make_index(apps, schema_editor):
    """Make the index where the server has the extension."""
    contact_search.make_index()


class Migration(migrations.Migration):
    dependencies = [("mailing", "0004_conversions")]

    operations = [migrations.RunPython(make_index, migrations.RunPython.noop)]
