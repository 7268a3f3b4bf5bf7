"""The net under mailing.models: a campaign that runs or has run keeps its content, its targets and its routes."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER campaigns_guard BEFORE UPDATE OR DELETE ON mailing_emailcampaign
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_details(
        'launched_at', 'prepared_at', 'finished_at', 'total', 'funnel', 'planned', 'content_hash', 'unforeseen',
        'recent_results', 'first_mail_at', 'last_due_at', 'phase', 'phase_at', 'winner', 'released_upto',
        'offer_stopped_at', 'attribution', 'settled_at'
    );
CREATE TRIGGER campaigns_guard BEFORE INSERT OR DELETE ON mailing_target
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('campaign_id');
-- But for a list or segment that is deleted: the target keeps its name.
CREATE TRIGGER campaigns_guard_update BEFORE UPDATE ON mailing_target
    FOR EACH ROW WHEN (OLD.gone <> '' OR NEW.gone = '' OR NEW.campaign_id <> OLD.campaign_id OR NEW.mode <> OLD.mode)
    EXECUTE FUNCTION campaigns_guard_part('campaign_id');
CREATE TRIGGER campaigns_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_route
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('campaign_id');

CREATE TRIGGER campaigns_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_splittest
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_part('campaign_id');

-- The phases of an A/B test only go on, and only while the campaign is under way.
CREATE FUNCTION mailing_guard_phase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF array_position(ARRAY['', 'testing', 'waiting', 'rest'], NEW.phase::text)
           < array_position(ARRAY['', 'testing', 'waiting', 'rest'], OLD.phase::text)
       OR (OLD.phase = '' AND NEW.phase <> 'testing') OR OLD.phase = 'rest' OR NOT EXISTS (
           SELECT FROM campaigns_campaign WHERE id = OLD.campaign_ptr_id AND status IN ('running', 'paused')
       ) THEN
        RAISE EXCEPTION 'campaign % cannot go from phase "%" to "%"', OLD.campaign_ptr_id, OLD.phase, NEW.phase
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mailing_guard_phase BEFORE UPDATE OF phase, winner ON mailing_emailcampaign
    FOR EACH ROW WHEN (NEW.phase <> OLD.phase OR NEW.winner IS DISTINCT FROM OLD.winner)
    EXECUTE FUNCTION mailing_guard_phase();

CREATE FUNCTION mailing_guard_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the content of campaign % is frozen', OLD.campaign_id USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER mailing_guard BEFORE UPDATE OR DELETE ON mailing_content
    FOR EACH ROW EXECUTE FUNCTION mailing_guard_content();

CREATE TRIGGER mailing_guard BEFORE UPDATE OR DELETE ON mailing_variantcontent
    FOR EACH ROW EXECUTE FUNCTION mailing_guard_content();

CREATE FUNCTION mailing_guard_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions about tracking are only added' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER mailing_guard BEFORE UPDATE OF contact_id, is_granted, how, at ON mailing_trackingconsent
    FOR EACH ROW EXECUTE FUNCTION mailing_guard_consent();

CREATE FUNCTION mailing_guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what contacts changed by themselves is only added to' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER mailing_guard BEFORE UPDATE ON mailing_preferencechange
    FOR EACH ROW EXECUTE FUNCTION mailing_guard_evidence();
"""

NO_GUARDS = """
DROP TRIGGER mailing_guard ON mailing_preferencechange;
DROP FUNCTION mailing_guard_evidence;
DROP TRIGGER mailing_guard ON mailing_trackingconsent;
DROP FUNCTION mailing_guard_consent;
DROP TRIGGER mailing_guard ON mailing_variantcontent;
DROP TRIGGER mailing_guard ON mailing_content;
DROP FUNCTION mailing_guard_content;
DROP TRIGGER mailing_guard_phase ON mailing_emailcampaign;
DROP FUNCTION mailing_guard_phase;
DROP TRIGGER campaigns_guard ON mailing_splittest;
DROP TRIGGER campaigns_guard ON mailing_route;
DROP TRIGGER campaigns_guard_update ON mailing_target;
DROP TRIGGER campaigns_guard ON mailing_target;
DROP TRIGGER campaigns_guard ON mailing_emailcampaign;
"""


class Migration(migrations.Migration):
    dependencies = [("mailing", "0001_initial"), ("campaigns", "0002_guards")]
    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
