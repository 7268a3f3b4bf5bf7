"""Tallies of discounts, which the fold fills with the sales that there are."""

import django.contrib.postgres.indexes
from django.db import migrations, models

UNFOLD = "INSERT INTO pos_unfoldedsale (sale_id) SELECT DISTINCT sale_id FROM promotions_redemption"


class Migration(migrations.Migration):
    dependencies = [
        ("pos", "0004_sales_of_customer"),
        ("promotions", "0003_rules_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="DiscountTally",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind",
                        "location_id",
                        "begins",
                        "currency",
                        "campaign_id",
                        "promotion_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.SmallIntegerField(
                        choices=[
                            (1, "Quarter"),
                            (2, "Quarter Of All"),
                            (3, "Day"),
                            (4, "Campaign Day"),
                            (5, "Campaign Month"),
                            (6, "Promotion Day"),
                            (7, "Promotion Month"),
                        ]
                    ),
                ),
                ("location_id", models.BigIntegerField()),
                ("begins", models.DateTimeField()),
                ("currency", models.CharField(max_length=3)),
                ("campaign_id", models.BigIntegerField()),
                ("promotion_id", models.BigIntegerField()),
                (
                    "given",
                    models.BigIntegerField(help_text="Less what came back."),
                ),
                (
                    "uses",
                    models.BigIntegerField(help_text="Less what came back."),
                ),
                (
                    "sales",
                    models.BigIntegerField(
                        help_text="Each once, with a discount and not voided, at the time of that discount."
                    ),
                ),
                (
                    "revenue",
                    models.BigIntegerField(
                        help_text="Of these sales, less what was returned of them since; 0 in the kinds of promotions."
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "discount tallies",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="TalliedSale",
            fields=[
                ("sale_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "last_line",
                    models.BigIntegerField(help_text="Its lines of the ledger up to this one are tallied."),
                ),
                (
                    "is_counted",
                    models.BooleanField(
                        help_text="Whether it is tallied as a sale, which a voided one is not."
                    ),
                ),
                ("revenue", models.BigIntegerField(help_text="As it is tallied, in minor units.")),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="redemption",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["at"],
                name="redemption_at",
                opclasses=["timestamptz_minmax_multi_ops"],
                pages_per_range=16,
            ),
        ),
        migrations.RunSQL(UNFOLD, migrations.RunSQL.noop),
    ]
