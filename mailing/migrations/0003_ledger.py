"""What the ledger of deliveries needs of PostgreSQL: room for HOT updates, numbers for runs, counts that keep up."""

from django.db import migrations

LEDGER = """
-- A row is written four times from launch to result; with this room in its page three of them touch no index.
ALTER TABLE mailing_delivery SET (
    fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);
ALTER TABLE mailing_tally SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE SEQUENCE mailing_run AS bigint;  -- numbers the runs of pumps; see mailing.models.Lane

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
DROP FUNCTION mailing_is_too_soon;
DROP SEQUENCE mailing_run;
ALTER TABLE mailing_tally RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE mailing_delivery RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [("mailing", "0002_guards")]
    operations = [migrations.RunSQL(LEDGER, NO_LEDGER)]
