"""Which sales count for which campaign: their tallies, and what is to be attributed anew."""

import django.db.models.deletion
from django.db import migrations, models

HOW = [("code", "Redeemed its code"), ("click", "Clicked"), ("sent", "Was sent it")]
COUNTING = """
-- One call a statement, whatever wrote it: no way to change the conversions leaves their tallies behind.
CREATE FUNCTION mailing_count_conversions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_sums text := 'SELECT *, -1 AS sign FROM was';
    now_sums text := 'SELECT *, 1 AS sign FROM is_now';
BEGIN
    EXECUTE format($sql$
        INSERT INTO mailing_conversiontally AS known
            (campaign_id, at, how, location_id, currency, orders, first_orders, net, discount)
        SELECT campaign_id, date_bin('15 minutes', at, 'epoch'), how, location_id, currency, sum(sign),
               coalesce(sum(sign) FILTER (WHERE is_first), 0), sum(sign * net), sum(sign * discount)
        FROM (%s) AS moved GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (campaign_id, at, how, location_id, currency) DO UPDATE SET
            orders = known.orders + excluded.orders, first_orders = known.first_orders + excluded.first_orders,
            net = known.net + excluded.net, discount = known.discount + excluded.discount
    $sql$, CASE TG_OP WHEN 'INSERT' THEN now_sums WHEN 'DELETE' THEN was_sums
           ELSE was_sums || ' UNION ALL ' || now_sums END);
    RETURN NULL;
END $$;
CREATE TRIGGER mailing_count_inserted AFTER INSERT ON mailing_conversion
    REFERENCING NEW TABLE AS is_now FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_conversions();
CREATE TRIGGER mailing_count_updated AFTER UPDATE ON mailing_conversion
    REFERENCING OLD TABLE AS was NEW TABLE AS is_now FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_conversions();
CREATE TRIGGER mailing_count_deleted AFTER DELETE ON mailing_conversion
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION mailing_count_conversions();

-- What changes which sales count for which campaign, beside the sales: numbers of customers, clicks that come late.
CREATE FUNCTION mailing_note_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mailing_dueattribution (customer)
    SELECT number FROM unnest(ARRAY[OLD.customer_id, NEW.customer_id]) AS number WHERE number <> '';
    RETURN NULL;
END $$;
CREATE TRIGGER mailing_note_number AFTER UPDATE OF customer_id ON mailing_contact
    FOR EACH ROW WHEN (OLD.customer_id IS DISTINCT FROM NEW.customer_id) EXECUTE FUNCTION mailing_note_number();
CREATE FUNCTION mailing_note_click() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mailing_dueattribution (delivery_id, since) VALUES (NEW.delivery_id, NEW.at);
    RETURN NULL;
END $$;
CREATE TRIGGER mailing_note_click AFTER INSERT ON mailing_event
    FOR EACH ROW WHEN (NEW.kind = 'clicked' AND NEW.origin = 'human') EXECUTE FUNCTION mailing_note_click();
CREATE TRIGGER mailing_note_origin AFTER UPDATE OF origin ON mailing_event
    FOR EACH ROW WHEN (NEW.kind = 'clicked' AND NEW.origin <> OLD.origin) EXECUTE FUNCTION mailing_note_click();

-- A contact goes, and its deliveries stay: what they bought in the days of the comparison is kept without a name. The
-- days are those of mailing.campaign_hold_out.find_days.
CREATE FUNCTION mailing_keep_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mailing_departedbuyer (campaign_id, is_held_out, net)
    SELECT OLD.campaign_id, OLD.status = 'held_out', jsonb_object_agg(currency, net) FROM (
        SELECT line.currency, sum(line.total - line.returned_total)::bigint AS net,
               sum(line.quantity - line.returned_quantity) AS units
        FROM mailing_emailcampaign AS campaign
        JOIN mailing_contact AS contact ON contact.id = OLD.contact_id
        JOIN pos_soldline AS line ON line.customer = contact.customer_id AND line.at >= campaign.launched_at
            AND line.at < campaign.launched_at
                + make_interval(days => greatest(1, (campaign.attribution ->> 'days')::integer))
        WHERE campaign.campaign_ptr_id = OLD.campaign_id AND campaign.funnel ? 'held_out' AND line.customer <> ''
        GROUP BY 1
    ) AS bought HAVING sum(units) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER mailing_keep_buyer AFTER UPDATE OF contact_id ON mailing_delivery
    FOR EACH ROW WHEN (OLD.contact_id IS NOT NULL AND NEW.contact_id IS NULL) EXECUTE FUNCTION mailing_keep_buyer();
"""
NO_COUNTING = """
DROP TRIGGER mailing_keep_buyer ON mailing_delivery;
DROP FUNCTION mailing_keep_buyer;
DROP TRIGGER mailing_note_origin ON mailing_event;
DROP TRIGGER mailing_note_click ON mailing_event;
DROP FUNCTION mailing_note_click;
DROP TRIGGER mailing_note_number ON mailing_contact;
DROP FUNCTION mailing_note_number;
DROP TRIGGER mailing_count_deleted ON mailing_conversion;
DROP TRIGGER mailing_count_updated ON mailing_conversion;
DROP TRIGGER mailing_count_inserted ON mailing_conversion;
DROP FUNCTION mailing_count_conversions;
"""


class Migration(migrations.Migration):
    dependencies = [("mailing", "0003_ledger"), ("pos", "0003_sold_lines")]
    operations = [
        migrations.CreateModel(
            name="Conversion",
            fields=[
                (
                    "sale",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="conversion",
                        serialize=False,
                        to="pos.sale",
                    ),
                ),
                ("how", models.CharField(choices=HOW, max_length=5)),
                (
                    "touched_at",
                    models.DateTimeField(
                        help_text="When the code took effect, the link was clicked or the mail was accepted."
                    ),
                ),
                ("at", models.DateTimeField(help_text="When it was sold.")),
                ("currency", models.CharField(max_length=3)),
                ("net", models.BigIntegerField(help_text="Paid, less what was paid back; in minor units.")),
                (
                    "discount",
                    models.BigIntegerField(help_text="Given, less what was given back; in minor units."),
                ),
                (
                    "is_first",
                    models.BooleanField(default=False, help_text="It is the first purchase of its customer."),
                ),
                (
                    "waited",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Seconds from the acceptance of the mail to the sale.",
                        null=True,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conversions",
                        to="mailing.emailcampaign",
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Empty where a code that many have was used by nobody knows whom.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conversions",
                        to="mailing.delivery",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="pos.location",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        fields=["campaign", "-at"],
                        include=("waited", "sale"),
                        name="conversion_of_campaign",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversionTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(help_text="The beginning of the quarter of an hour.")),
                ("how", models.CharField(choices=HOW, max_length=5)),
                ("currency", models.CharField(max_length=3)),
                ("orders", models.BigIntegerField()),
                ("first_orders", models.BigIntegerField()),
                ("net", models.BigIntegerField()),
                ("discount", models.BigIntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="mailing.emailcampaign",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="pos.location",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "conversion tallies",
                "default_permissions": (),
                "indexes": [models.Index(fields=["at"], name="conversion_tally_at")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign", "at", "how", "location", "currency"),
                        name="conversion_tally_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DueAttribution",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("customer", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("since", models.DateTimeField(blank=True, null=True)),
                (
                    "delivery",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="mailing.delivery",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="RevenueFigures",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="mailing.emailcampaign",
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        blank=True, help_text="When somebody last asked to count.", null=True
                    ),
                ),
                (
                    "counted_at",
                    models.DateTimeField(
                        blank=True, help_text="The moment that the figures are of.", null=True
                    ),
                ),
                ("seconds", models.FloatField(default=0, help_text="How long it took to count.")),
                ("figures", models.JSONField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "revenue figures",
                "verbose_name_plural": "revenue figures",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DepartedBuyer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_held_out", models.BooleanField()),
                ("net", models.JSONField(help_text="What they paid and kept, in minor units by currency.")),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="mailing.emailcampaign",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="GlobalHoldOut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("begins_at", models.DateTimeField(unique=True)),
                ("ends_at", models.DateTimeField()),
                ("percent", models.PositiveSmallIntegerField()),
                ("seed", models.BigIntegerField(help_text="Of the draw: a keyed hash of the quarter.")),
            ],
            options={"ordering": ["-begins_at"], "default_permissions": ("view",)},
        ),
        migrations.CreateModel(
            name="GlobalHoldOutFigures",
            fields=[
                (
                    "asked_at",
                    models.DateTimeField(
                        blank=True, help_text="When somebody last asked to count.", null=True
                    ),
                ),
                (
                    "counted_at",
                    models.DateTimeField(
                        blank=True, help_text="The moment that the figures are of.", null=True
                    ),
                ),
                ("seconds", models.FloatField(default=0, help_text="How long it took to count.")),
                (
                    "period",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="kept",
                        serialize=False,
                        to="mailing.globalholdout",
                    ),
                ),
                ("figures", models.JSONField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "global hold-out figures",
                "verbose_name_plural": "global hold-out figures",
                "default_permissions": (),
            },
        ),
        migrations.RunSQL(COUNTING, NO_COUNTING),
    ]
