"""Rules name locations by their code: a changed code is a change of the rules."""

from django.db import migrations

CHANGED = """
CREATE TRIGGER promotions_changed AFTER UPDATE OF code ON pos_location
    FOR EACH STATEMENT EXECUTE FUNCTION promotions_rules_changed();
"""
NOT_CHANGED = "DROP TRIGGER promotions_changed ON pos_location;"


class Migration(migrations.Migration):
    dependencies = [("pos", "0001_initial"), ("promotions", "0003_rules_version")]
    operations = [migrations.RunSQL(CHANGED, NOT_CHANGED)]
