"""Numbers the published rules, and the net under promotions.publish: any write to what applies at the till counts.

A version comes from a sequence, which no rollback turns back, so that no number ever stands for two sets of rules.
"""

from django.db import migrations

TABLES = [
    "promotions_promotioncampaign",
    "promotions_promotioncampaign_locations",
    "promotions_link",
    "promotions_promotion",
    "promotions_promotion_locations",
    "promotions_stackingsettings",
    "promotions_excludedpair",
]

VERSION = """
CREATE SEQUENCE promotions_rulesversion_numbers;

CREATE FUNCTION promotions_publish() RETURNS void LANGUAGE sql AS $$
    INSERT INTO promotions_rulesversion (id, version) VALUES (1, nextval('promotions_rulesversion_numbers'))
    ON CONFLICT (id) DO UPDATE SET version = nextval('promotions_rulesversion_numbers')
$$;

CREATE FUNCTION promotions_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM promotions_publish();
    RETURN NULL;
END $$;

CREATE FUNCTION promotions_rules_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (TABLE now EXCEPT TABLE was) THEN
        PERFORM promotions_publish();
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER promotions_added AFTER INSERT ON campaigns_campaign
    FOR EACH ROW WHEN (NEW.kind = 'promotion') EXECUTE FUNCTION promotions_rules_changed();
CREATE TRIGGER promotions_changed AFTER UPDATE ON campaigns_campaign
    FOR EACH ROW WHEN (NEW.kind = 'promotion'
        AND (OLD.status, OLD.starts_at, OLD.ends_at) IS DISTINCT FROM (NEW.status, NEW.starts_at, NEW.ends_at))
    EXECUTE FUNCTION promotions_rules_changed();
CREATE TRIGGER promotions_removed AFTER DELETE ON campaigns_campaign
    FOR EACH ROW WHEN (OLD.kind = 'promotion') EXECUTE FUNCTION promotions_rules_changed();
"""

NO_VERSION = """
DROP TRIGGER promotions_removed ON campaigns_campaign;
DROP TRIGGER promotions_changed ON campaigns_campaign;
DROP TRIGGER promotions_added ON campaigns_campaign;
DROP FUNCTION promotions_rules_updated, promotions_rules_changed, promotions_publish;
DROP SEQUENCE promotions_rulesversion_numbers;
"""


class Migration(migrations.Migration):
    dependencies = [("promotions", "0002_guards"), ("campaigns", "0002_guards")]
    operations = [
        migrations.RunSQL(VERSION, NO_VERSION),
        *[
            migrations.RunSQL(
                f"CREATE TRIGGER promotions_changed AFTER INSERT OR DELETE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION promotions_rules_changed();"
                f"CREATE TRIGGER promotions_updated AFTER UPDATE ON {table} "
                "REFERENCING OLD TABLE AS was NEW TABLE AS now "
                "FOR EACH STATEMENT EXECUTE FUNCTION promotions_rules_updated();",
                f"DROP TRIGGER promotions_updated ON {table}; DROP TRIGGER promotions_changed ON {table};",
            )
            for table in TABLES
        ],
    ]
