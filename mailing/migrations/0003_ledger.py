"""What the ledger of deliveries needs of PostgreSQL: room for HOT updates, numbers for runs, counts, opens and clicks."""

from django.db import migrations

LEDGER = """
-- A row is written four times from launch to result; with this room in its page three of them touch no index.
ALTER TABLE mailing_delivery SET (
    fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);
ALTER TABLE mailing_tally SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE SEQUENCE mailing_run AS bigint;  -- numbers the runs; see mailing.models.Lane

-- One call a statement, whatever wrote it: no way to change the ledger leaves the counts behind.
CREATE FUNCTION mailing_count_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO mailing_tally (campaign_id, connection_id, variant, measure, amount, at)
        SELECT campaign_id, connection_id, variant, status, count(*), now() FROM is_now GROUP BY 1, 2, 3, 4;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO mailing_tally (campaign_id, connection_id, variant, measure, amount, at)
        SELECT campaign_id, connection_id, variant, status, -count(*), now() FROM was GROUP BY 1, 2, 3, 4;
    ELSE
        -- counted before it is turned into rows of one measure each: most batches are of few kinds
        INSERT INTO mailing_tally (campaign_id, connection_id, variant, measure, amount, at)
        SELECT campaign_id, connection_id, variant, counted.measure, sum(counted.change), now()
        FROM (
            SELECT campaign_id, connection_id, variant, status, -count(*) AS rows, -count(opened_at) AS opened,
                   -count(clicked_at) AS clicked, -count(unsubscribed_at) AS unsubscribed,
                   -count(complained_at) AS complained,
                   -count(delivered_at) FILTER (WHERE status <> 'bounced') AS delivered,
                   -count(sent_at) FILTER (WHERE status = 'bounced') AS returned
            FROM was GROUP BY 1, 2, 3, 4
            UNION ALL
            SELECT campaign_id, connection_id, variant, status, count(*), count(opened_at),
                   count(clicked_at), count(unsubscribed_at), count(complained_at),
                   count(delivered_at) FILTER (WHERE status <> 'bounced'), count(sent_at) FILTER (WHERE status = 'bounced')
            FROM is_now GROUP BY 1, 2, 3, 4
        ) AS kinds,
        LATERAL (VALUES
            (status, rows), ('opened', opened), ('clicked', clicked), ('unsubscribed', unsubscribed),
            ('complained', complained), ('delivered', delivered), ('returned', returned)
        ) AS counted (measure, change)
        GROUP BY 1, 2, 3, 4
        HAVING sum(counted.change) <> 0;
    END IF;
    RETURN NULL;
END $$;

-- Whether a mail of this campaign comes too soon after another one for a contact who asked for less. Half a day is let
-- go, so that a newsletter that goes out each week at about the same hour still comes each week. Of two claims that
-- judge one contact at the same moment only one goes on: each call reads what is committed once it holds the lock.
CREATE FUNCTION mailing_is_too_soon(contact bigint, campaign bigint, frequency text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    wait interval := CASE frequency WHEN 'weekly' THEN interval '7 days' ELSE interval '28 days' END - interval '12 hours';
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('mailing.frequency'), (contact % 2147483647)::int) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM mailing_delivery AS other
        JOIN mailing_emailcampaign AS sender ON sender.campaign_ptr_id = other.campaign_id
        WHERE other.contact_id = contact AND other.campaign_id <> campaign
          AND (other.sent_at > now() - wait
               OR (other.status IN ('claimed', 'in_data', 'uncertain') AND sender.launched_at > now() - wait))
    );
END $$;

-- Why no mail of this campaign may promise what it promises at a time; '' when it may, and '' where it hangs on no
-- promotion. The campaign at the till that it is linked to counts before its offer, and a reserved budget after all. For
-- the other words see promotions_find_offer_fault.
CREATE FUNCTION mailing_find_offer_fault(asked bigint, at timestamptz) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT CASE WHEN offer_id IS NOT NULL AND code_ends_at <= $2 THEN 'over'
                WHEN of_campaign.fault NOT IN ('', 'held') THEN of_campaign.fault
                WHEN of_offer.fault <> '' THEN of_offer.fault ELSE of_campaign.fault END
    FROM mailing_emailcampaign AS email,
    LATERAL (SELECT CASE WHEN email.promotion_campaign_id IS NULL THEN ''
                    ELSE coalesce(promotions_find_campaign_fault(email.promotion_campaign_id, $2), 'cancelled') END
            ) AS of_campaign (fault),
    LATERAL (SELECT CASE WHEN email.offer_id IS NULL THEN ''
                    ELSE promotions_find_offer_fault(email.offer_id, $2) END) AS of_offer (fault)
    WHERE email.campaign_ptr_id = $1
$$;

-- What stands in it is good for an hour: it need not survive a crash, and no copy of the log holds it.
ALTER TABLE mailing_recentvisit SET UNLOGGED;

-- Writes an open or a click as far as the site, the campaign and the contact's consent allow now; false where the
-- delivery is not known. The row of the delivery is locked first, and each further statement sees what is committed
-- by then: each click sees those before it, whichever process they came to. visit_at: NULL for now. is_reported: a
-- provider tells of it, who may tell what our own picture or link has noted. See mailing.tracking.
CREATE FUNCTION mailing_note_visit(
    pk bigint, visit_kind text, visit_link integer, visit_how text, visit_origin text, visit_device text,
    visit_client text, visit_system text, visit_at timestamptz, visit_digest text, may_object boolean,
    is_reported boolean, repeat_seconds float8, burst_links integer, burst_seconds float8, trap_seconds float8
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    modes CONSTANT text[] := ARRAY['none', 'aggregate', 'hygiene', 'individual'];  -- each notes more
    moment CONSTANT timestamptz := coalesce(visit_at, now());
    repeat_time CONSTANT interval := make_interval(secs => repeat_seconds);
    burst_time CONSTANT interval := make_interval(secs => burst_seconds);
    trap_time CONSTANT interval := make_interval(secs => trap_seconds);
    is_human CONSTANT boolean := visit_origin = 'human';
    known record;
    mode_now text;
    basis_now text;
    first_open timestamptz;
    first_click timestamptz;
    links bigint;
    is_trapped boolean;
    is_machine boolean := false;
BEGIN
    SELECT delivery.campaign_id, delivery.contact_id, delivery.variant, delivery.status, delivery.opened_at,
           delivery.clicked_at, campaign.tracking, policy.mode, consent.id AS consent_id, consent.is_granted
    INTO known
    FROM mailing_delivery AS delivery
    JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
    LEFT JOIN mailing_trackingpolicy AS policy ON policy.id = 1
    LEFT JOIN LATERAL (
        SELECT id, is_granted FROM mailing_trackingconsent
        WHERE contact_id = delivery.contact_id ORDER BY id DESC LIMIT 1
    ) AS consent ON true
    WHERE delivery.id = pk
    FOR NO KEY UPDATE OF delivery;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    mode_now := modes[least(coalesce(array_position(modes, known.mode::text), 4),
                            coalesce(array_position(modes, nullif(known.tracking, '')::text), 4))];
    IF mode_now = 'none' THEN
        RETURN true;
    END IF;
    IF mode_now = 'individual' AND known.is_granted THEN
        basis_now := 'consent';
    ELSIF mode_now = 'individual' AND known.is_granted IS NULL AND may_object THEN
        basis_now := 'interest';
    END IF;

    IF basis_now IS NOT NULL THEN  -- by name; who follows a link has opened the mail, too
        IF EXISTS (
            SELECT FROM mailing_event WHERE delivery_id = pk AND kind = visit_kind AND link IS NOT DISTINCT FROM visit_link
                AND (is_reported OR origin = visit_origin) AND at > moment - repeat_time AND at < moment + repeat_time
        ) THEN
            RETURN true;
        END IF;
        INSERT INTO mailing_event (
            delivery_id, campaign_id, kind, at, link, how, origin, device, client, system, basis, consent_id
        )
        SELECT pk, known.campaign_id, each.kind, moment, each.link, each.how, visit_origin, visit_device, visit_client,
               visit_system, basis_now, CASE WHEN basis_now = 'consent' THEN known.consent_id END
        FROM (VALUES (true, visit_kind, visit_link, visit_how), (false, 'opened', NULL, 'click'))
            AS each (is_itself, kind, link, how)
        WHERE each.is_itself OR (visit_kind = 'clicked' AND is_human AND known.opened_at IS NULL);
        first_open := CASE WHEN is_human AND (visit_kind = 'opened' OR known.opened_at IS NULL)
                           THEN least(known.opened_at, moment) ELSE known.opened_at END;
        first_click := CASE WHEN is_human AND visit_kind = 'clicked'
                            THEN least(known.clicked_at, moment) ELSE known.clicked_at END;
        -- what has happened proves that an uncertain mail arrived; only what a person did counts for the mail
        IF first_open IS DISTINCT FROM known.opened_at OR first_click IS DISTINCT FROM known.clicked_at
                OR known.status = 'uncertain' THEN
            UPDATE mailing_delivery SET opened_at = first_open, clicked_at = first_click,
                status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
                sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, moment) ELSE sent_at END
            WHERE id = pk;
        END IF;
        IF visit_kind = 'clicked' THEN
            SELECT count(DISTINCT link) FILTER (WHERE at > moment - burst_time), coalesce(bool_or(how = 'trap'), false)
            INTO links, is_trapped
            FROM mailing_event
            WHERE delivery_id = pk AND kind = 'clicked' AND (visit_at IS NULL OR at <= moment) AND at > moment - trap_time;
            IF is_trapped OR links >= burst_links THEN
                UPDATE mailing_event SET origin = 'machine'
                WHERE delivery_id = pk AND (kind = 'clicked' OR how = 'click') AND origin <> 'machine'
                  AND (visit_at IS NULL OR at <= moment)
                  AND at > moment - CASE WHEN is_trapped THEN trap_time ELSE burst_time END;
                UPDATE mailing_delivery AS delivery SET opened_at = people.opened_at, clicked_at = people.clicked_at
                FROM (
                    SELECT min(at) FILTER (WHERE kind = 'opened') AS opened_at,
                           min(at) FILTER (WHERE kind = 'clicked') AS clicked_at
                    FROM mailing_event WHERE delivery_id = pk AND origin = 'human'
                ) AS people
                WHERE delivery.id = pk;
            END IF;
        END IF;
        RETURN true;
    END IF;

    -- in the totals alone
    IF EXISTS (
        SELECT FROM mailing_recentvisit WHERE digest = visit_digest AND kind = visit_kind
            AND link IS NOT DISTINCT FROM visit_link AND at > moment - repeat_time AND at < moment + repeat_time
    ) THEN
        RETURN true;
    END IF;
    INSERT INTO mailing_recentvisit (digest, kind, link, how, origin, device, client, system, at, noted_at)
    VALUES (visit_digest, visit_kind, visit_link, visit_how, visit_origin, visit_device, visit_client, visit_system,
            moment, now());
    INSERT INTO mailing_eventcount (campaign_id, kind, origin, variant, link, device, client, system, at, amount)
    VALUES (known.campaign_id, visit_kind, visit_origin, known.variant, visit_link, visit_device, visit_client,
            visit_system, date_trunc('hour', moment), 1);
    IF visit_kind = 'clicked' THEN
        SELECT count(DISTINCT coalesce(link, -1)) FILTER (WHERE at > moment - burst_time),
               coalesce(bool_or(how = 'trap'), false)
        INTO links, is_trapped
        FROM mailing_recentvisit
        WHERE digest = visit_digest AND kind = 'clicked' AND (visit_at IS NULL OR at <= moment) AND at > moment - trap_time;
        IF is_trapped OR links >= burst_links THEN
            is_machine := true;
            WITH guilty AS (
                UPDATE mailing_recentvisit AS seen SET origin = 'machine' FROM mailing_recentvisit AS was
                WHERE seen.digest = visit_digest AND seen.kind = 'clicked' AND seen.origin <> 'machine'
                  AND (visit_at IS NULL OR seen.at <= moment)
                  AND seen.at > moment - CASE WHEN is_trapped THEN trap_time ELSE burst_time END AND was.id = seen.id
                RETURNING was.origin, seen.link, seen.device, seen.client, seen.system, seen.at
            )
            INSERT INTO mailing_eventcount (campaign_id, kind, origin, variant, link, device, client, system, at, amount)
            SELECT known.campaign_id, 'clicked', side.origin, known.variant, guilty.link, guilty.device, guilty.client,
                   guilty.system, date_trunc('hour', guilty.at), side.amount
            FROM guilty, LATERAL (VALUES (guilty.origin::text, -1), ('machine', 1)) AS side (origin, amount);
        END IF;
    END IF;
    IF mode_now = 'hygiene' AND is_human AND NOT is_machine THEN
        UPDATE mailing_contact SET engaged_on = moment::date
        WHERE id = known.contact_id AND (engaged_on IS NULL OR engaged_on < moment::date);
    END IF;
    RETURN true;
END $$;

CREATE TRIGGER mailing_count_inserted AFTER INSERT ON mailing_delivery
    REFERENCING NEW TABLE AS is_now FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_deliveries();
CREATE TRIGGER mailing_count_updated AFTER UPDATE ON mailing_delivery
    REFERENCING OLD TABLE AS was NEW TABLE AS is_now FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_deliveries();
CREATE TRIGGER mailing_count_deleted AFTER DELETE ON mailing_delivery
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_deliveries();
"""

NO_LEDGER = """
DROP TRIGGER mailing_count_deleted ON mailing_delivery;
DROP TRIGGER mailing_count_updated ON mailing_delivery;
DROP TRIGGER mailing_count_inserted ON mailing_delivery;
DROP FUNCTION mailing_count_deliveries;
DROP FUNCTION mailing_find_offer_fault;
DROP FUNCTION mailing_is_too_soon;
DROP FUNCTION mailing_note_visit;
DROP SEQUENCE mailing_run;
ALTER TABLE mailing_tally RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE mailing_delivery RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("mailing", "0002_guards"), ("promotions", "0002_guards")]
    operations = [migrations.RunSQL(LEDGER, NO_LEDGER)]
