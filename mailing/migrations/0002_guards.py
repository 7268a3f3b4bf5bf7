"""The net under mailing.models: a campaign that runs or has run keeps its content and its targets."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER campaigns_guard BEFORE UPDATE OR DELETE ON mailing_emailcampaign
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_details(
        'launched_at', 'prepared_at', 'finished_at', 'total', 'compiled', 'content_hash'
    );
CREATE TRIGGER campaigns_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_target
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('campaign_id');
"""

NO_GUARDS = """
DROP TRIGGER campaigns_guard ON mailing_target;
DROP TRIGGER campaigns_guard ON mailing_emailcampaign;
"""


class Migration(migrations.Migration):
    dependencies = [("mailing", "0001_initial"), ("campaigns", "0002_guards")]
    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
