"""The lines of sales as rows, partitioned by month, and the queue of the fold.

Django makes no partitioned table, so the table is made here and Django is told of it.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import campaigns.fields

TABLE = """
CREATE TABLE pos_soldline (
    sale_id bigint NOT NULL,
    line varchar(64) NOT NULL,
    at timestamptz NOT NULL,
    location_id bigint NOT NULL,
    customer varchar(64) NOT NULL,
    currency varchar(3) NOT NULL,
    sku varchar(64) NOT NULL,
    categories varchar(64)[] NOT NULL,
    brand varchar(64) NOT NULL,
    quantity numeric(12, 3) NOT NULL,
    unit_price bigint NOT NULL,
    discount bigint NOT NULL,
    total bigint NOT NULL,
    returned_quantity numeric(12, 3) NOT NULL,
    returned_total bigint NOT NULL,
    PRIMARY KEY (sale_id, line, at)
) PARTITION BY RANGE (at);
CREATE INDEX sold_line_of_customer ON pos_soldline (customer, at) WHERE customer <> '';
CREATE INDEX sold_line_of_article ON pos_soldline (sku, at);
CREATE INDEX sold_line_returned ON pos_soldline (customer, at) WHERE customer <> '' AND returned_quantity > 0;
INSERT INTO pos_unfoldedsale (sale_id) SELECT id FROM pos_sale WHERE state = 'committed';
"""
NO_TABLE = "DROP TABLE pos_soldline;"


class Migration(migrations.Migration):
    dependencies = [("pos", "0002_location_code")]
    operations = [
        migrations.CreateModel(
            name="UnfoldedSale",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sale_id", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, NO_TABLE)],
            state_operations=[
                migrations.CreateModel(
                    name="SoldLine",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "sale_id",
                                "line",
                                "at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("line", models.CharField(help_text="The till's own id of the line.", max_length=64)),
                        ("at", models.DateTimeField()),
                        ("customer", models.CharField(blank=True, max_length=64)),
                        ("currency", models.CharField(max_length=3)),
                        ("sku", models.CharField(max_length=64)),
                        (
                            "categories",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=64), size=None
                            ),
                        ),
                        ("brand", models.CharField(blank=True, max_length=64)),
                        ("quantity", models.DecimalField(decimal_places=3, max_digits=12)),
                        ("unit_price", models.BigIntegerField()),
                        ("discount", models.BigIntegerField()),
                        ("total", models.BigIntegerField()),
                        (
                            "returned_quantity",
                            models.DecimalField(decimal_places=3, default=0, max_digits=12),
                        ),
                        ("returned_total", models.BigIntegerField(default=0)),
                        (
                            "location",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="pos.location",
                            ),
                        ),
                        (
                            "sale",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="sold_lines",
                                to="pos.sale",
                            ),
                        ),
                    ],
                    options={
                        "default_permissions": ("view",),
                        "indexes": [
                            models.Index(
                                condition=models.Q(("customer", ""), _negated=True),
                                fields=["customer", "at"],
                                name="sold_line_of_customer",
                            ),
                            models.Index(fields=["sku", "at"], name="sold_line_of_article"),
                            models.Index(
                                condition=models.Q(
                                    models.Q(("customer", ""), _negated=True), ("returned_quantity__gt", 0)
                                ),
                                fields=["customer", "at"],
                                name="sold_line_returned",
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArticleCost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sku", models.CharField(max_length=64)),
                ("currency", models.CharField(max_length=3)),
                ("cost", models.DecimalField(decimal_places=4, max_digits=16)),
                ("updated_at", campaigns.fields.DatabaseTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["sku", "currency"],
                "default_permissions": ("view", "change"),
                "constraints": [
                    models.UniqueConstraint(fields=("sku", "currency"), name="article_cost_once")
                ],
            },
        ),
    ]
