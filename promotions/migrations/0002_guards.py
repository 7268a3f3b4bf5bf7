"""The net under promotions.models: a campaign that is over keeps its settings, links and locations; the ledger stays."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER campaigns_guard BEFORE UPDATE OR DELETE ON promotions_promotioncampaign
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_details();
CREATE TRIGGER campaigns_guard BEFORE INSERT OR UPDATE OR DELETE ON promotions_link
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('campaign_id');
CREATE TRIGGER campaigns_guard BEFORE INSERT OR UPDATE OR DELETE ON promotions_promotioncampaign_locations
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('promotioncampaign_id');

CREATE FUNCTION promotions_guard_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger of redemptions is append-only' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER promotions_guard BEFORE UPDATE OR DELETE ON promotions_redemption
    FOR EACH ROW EXECUTE FUNCTION promotions_guard_ledger();

CREATE FUNCTION promotions_unmet() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'another sale was quicker, or the promotion just stopped' USING ERRCODE = 'FF001';
END $$;
"""

NO_GUARDS = """
DROP FUNCTION promotions_unmet;
DROP TRIGGER promotions_guard ON promotions_redemption;
DROP FUNCTION promotions_guard_ledger;
DROP TRIGGER campaigns_guard ON promotions_promotioncampaign_locations;
DROP TRIGGER campaigns_guard ON promotions_link;
DROP TRIGGER campaigns_guard ON promotions_promotioncampaign;
"""


class Migration(migrations.Migration):
    dependencies = [("promotions", "0001_initial"), ("campaigns", "0002_guards")]
    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
