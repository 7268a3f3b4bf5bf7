"""The net under campaigns.models: what no SQL may do to a campaign or its history."""

from django.db import migrations

GUARDS = """
CREATE FUNCTION campaigns_is_final(status text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
    SELECT status IN ('completed', 'expired', 'failed', 'cancelled')
$$;

CREATE FUNCTION campaigns_is_locked(kind text, status text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
    SELECT campaigns_is_final(status) OR (kind = 'email' AND status IN ('running', 'paused'))
$$;

CREATE FUNCTION campaigns_is_deletable(kind text, status text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
    SELECT status = 'draft' OR (kind = 'promotion' AND status = 'scheduled')
$$;

CREATE FUNCTION campaigns_guard_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text[] := ARRAY['status', 'archived_at', 'updated_at'];  -- what the system writes in any state
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT campaigns_is_deletable(OLD.kind, OLD.status) THEN
            RAISE EXCEPTION 'campaign % is %: it cannot be deleted', OLD.id, OLD.status
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.kind <> OLD.kind THEN
        RAISE EXCEPTION 'campaign % cannot change its kind', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF campaigns_is_final(OLD.status) AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'campaign % is %: that is final', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END IF;
    IF campaigns_is_locked(OLD.kind, OLD.status) AND to_jsonb(NEW) - kept IS DISTINCT FROM to_jsonb(OLD) - kept THEN
        RAISE EXCEPTION 'campaign % is %: it cannot be edited', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER campaigns_guard BEFORE UPDATE OR DELETE ON campaigns_campaign
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_campaign();

-- For the table of a kind; the arguments name the columns the system writes in any state.
CREATE FUNCTION campaigns_guard_details() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text[] := coalesce(TG_ARGV::text[], '{}');
    campaign record;
BEGIN
    SELECT kind, status INTO campaign FROM campaigns_campaign WHERE id = OLD.campaign_ptr_id;
    IF TG_OP = 'DELETE' THEN
        IF FOUND AND NOT campaigns_is_deletable(campaign.kind, campaign.status) THEN
            RAISE EXCEPTION 'campaign % is %: it cannot be deleted', OLD.campaign_ptr_id, campaign.status
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF FOUND AND campaigns_is_locked(campaign.kind, campaign.status)
       AND to_jsonb(NEW) - kept IS DISTINCT FROM to_jsonb(OLD) - kept THEN
        RAISE EXCEPTION 'campaign % is %: it cannot be edited', OLD.campaign_ptr_id, campaign.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- For a table of rows that belong to a campaign; the argument names the column that holds its id.
CREATE FUNCTION campaigns_guard_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row_of jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    moved_from bigint := CASE TG_OP WHEN 'UPDATE' THEN (to_jsonb(OLD) ->> TG_ARGV[0])::bigint END;
    campaign record;
BEGIN
    FOR campaign IN SELECT id, kind, status FROM campaigns_campaign
                    WHERE id IN ((row_of ->> TG_ARGV[0])::bigint, moved_from) LOOP
        IF campaigns_is_locked(campaign.kind, campaign.status) THEN
            RAISE EXCEPTION 'campaign % is %: its % cannot be edited', campaign.id, campaign.status, TG_TABLE_NAME
                USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION campaigns_guard_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM campaigns_campaign WHERE id = OLD.campaign_id AND campaigns_is_deletable(kind, status)
    ) THEN
        RETURN OLD;  -- it goes with its draft
    END IF;
    RAISE EXCEPTION 'the history of a campaign is append-only' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER campaigns_guard BEFORE UPDATE OR DELETE ON campaigns_transition
    FOR EACH ROW EXECUTE FUNCTION campaigns_guard_history();
"""

NO_GUARDS = """
DROP TRIGGER campaigns_guard ON campaigns_transition;
DROP TRIGGER campaigns_guard ON campaigns_campaign;
DROP FUNCTION campaigns_guard_history, campaigns_guard_part, campaigns_guard_details, campaigns_guard_campaign,
    campaigns_is_deletable(text, text), campaigns_is_locked(text, text), campaigns_is_final(text);
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]
    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
