"""What people may change of an e-mail campaign: its columns, and everything about it in words."""

from collections.abc import Sequence

from campaigns import editions
from campaigns.sentences import mark
from mailing import variants
from mailing.models import EmailCampaign, SplitTest
from mailing.models.offers import OFFER_COLUMNS

FIELDS = (
    "name",
    "description",
    "subject",
    "preheader",
    "from_name",
    "from_email",
    "reply_to",
    "language",
    "body_format",
    "body",
    "text",
    "sharing",
    "connection",
    "retry_hours",
    "per_second",
    "per_minute",
    "per_hour",
    "window_from",
    "window_until",
    "window_days",
    "window_zone",
    "local_time",
    "track_opens",
    "track_clicks",
    "tracking",
    "attribution_days",
    "after_acceptance",
    "hold_out",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "starts_at",
    *OFFER_COLUMNS,
)
TEST_FIELDS = (
    "share_percent",
    "share_number",
    "split",
    "weights",
    "wait",
    "wait_unit",
    "winner_by",
    "when_undecided",
)


def describe_campaign(campaign: EmailCampaign) -> dict[str, str]:
    """Return what people may change of a campaign, in words."""
    targets = campaign.targets.select_related("list", "segment")
    routes = campaign.routes.select_related("connection")
    return describe_facts(
        campaign, sorted(map(str, targets)), list(map(str, routes)), variants.find_test(campaign)
    )


def describe_facts(
    columns: EmailCampaign, targets: Sequence[str], routes: Sequence[str], test: SplitTest | None
) -> dict[str, str]:
    """Return the columns of a campaign, its targets, its connections and its A/B test, in words."""
    return editions.column_facts(columns, FIELDS) | {
        mark("Recipients"): ", ".join(targets),
        mark("Shares"): ", ".join(routes),
        **describe_test(test),
    }


def describe_test(test: SplitTest | None) -> dict[str, str]:
    """Return what people may change of an A/B test, in words; each is empty when there is no test."""
    facts = editions.column_facts(test or SplitTest(), TEST_FIELDS)
    for name in ("subjects", "bodies", "from_names"):
        label = SplitTest._meta.get_field(name).verbose_name  # type: ignore[union-attr]  # it is a column
        facts[str(label).capitalize()] = " | ".join(getattr(test, name)) if test else ""
    return {
        "A/B test": "on" if test else "off",
        **(facts if test else dict.fromkeys(facts, "")),
    }
