"""The net under promotions.models: a campaign that is over keeps its settings, links and locations; the ledger stays.

And two questions that the senders of mails ask in their own statements: promotions/offers.py says them in words.
"""

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

-- Why a campaign gives nothing at a time and will not by itself; '' when it does, or only begins later. 'held': sales
-- that may still be released reserve what is left of its budget.
CREATE FUNCTION promotions_find_campaign_fault(asked bigint, at timestamptz) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT CASE
        WHEN campaign.status IN ('draft', 'paused', 'cancelled') THEN campaign.status
        WHEN campaign.status = 'expired' OR campaign.ends_at <= $2 THEN 'expired'
        WHEN counter.spent >= counter.budget THEN 'budget'
        WHEN counter.uses >= counter.max_uses THEN 'uses'
        WHEN counter.spent + counter.held >= counter.budget THEN 'held'
        ELSE '' END
    FROM campaigns_campaign AS campaign LEFT JOIN promotions_counter AS counter ON counter.campaign_id = campaign.id
    WHERE campaign.id = $1
$$;

-- The same of a promotion that a mail carries. It lives while one of its campaigns does, or by itself if standalone.
CREATE FUNCTION promotions_find_offer_fault(asked bigint, at timestamptz) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT CASE
        WHEN promotion.id IS NULL OR promotion.deleted_at IS NOT NULL THEN 'deleted'
        WHEN promotion.status <> 'active' THEN 'off'
        WHEN promotion.trigger <> 'coupon' THEN 'automatic'
        WHEN promotion.ends_at <= $2 THEN 'ended'
        WHEN counter.uses >= counter.max_uses THEN 'used_up'
        WHEN promotion.standalone THEN ''
        ELSE (
            SELECT CASE WHEN count(*) = 0 THEN 'unlinked' WHEN bool_or(fault = '') THEN ''
                        WHEN bool_or(fault = 'held') THEN 'held' ELSE 'campaigns' END
            FROM promotions_link AS link, promotions_find_campaign_fault(link.campaign_id, $2) AS fault
            WHERE link.promotion_id = promotion.id
        ) END
    FROM (SELECT $1 AS id) AS wanted
    LEFT JOIN promotions_promotion AS promotion ON promotion.id = wanted.id
    LEFT JOIN promotions_counter AS counter ON counter.promotion_id = promotion.id
$$;
"""

NO_GUARDS = """
DROP FUNCTION promotions_find_offer_fault, promotions_find_campaign_fault;
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
