"""The variants of a campaign's mail: every combination of its subjects, contents and sender names."""

from itertools import islice, product
from math import prod
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mailing import attribution
from mailing.models import EmailCampaign, SplitTest

LEAST_VARIANTS, MOST_VARIANTS = 2, 8
MOST_LISTED = 16  # variants of a draft that makes too many


class Variant(NamedTuple):
    """One variant of a mail. The first one is the campaign's own mail. content: the number of its content, from 1."""

    number: int
    subject: str
    body: str
    from_name: str
    content: int = 1

    @property
    def letter(self) -> str:
        return chr(ord("A") + self.number)

    @property
    def has_own_body(self) -> bool:
        return self.content > 1


def find_test(campaign: EmailCampaign) -> SplitTest | None:
    """Find the campaign's test; None where it has none."""
    return SplitTest.objects.filter(campaign=campaign.pk).first() if campaign.pk else None


def list_variants(campaign: EmailCampaign, test: SplitTest | None) -> list[Variant]:
    """List the variants in the order of their letters; of a campaign without a test only its mail as it stands.

    Of a draft that makes more than are tried, only the first are listed: a few hundred texts make millions.
    """
    subjects, bodies, from_names = _list_choices(campaign, test)
    every = product(subjects, enumerate(bodies, start=1), from_names)
    return [
        Variant(number, subject, body, from_name, content)
        for number, (subject, (content, body), from_name) in enumerate(islice(every, MOST_LISTED))
    ]


def count_variants(campaign: EmailCampaign, test: SplitTest | None) -> int:
    """Count all variants that a test makes, also of one that makes too many."""
    return prod(map(len, _list_choices(campaign, test)))


def _list_choices(campaign: EmailCampaign, test: SplitTest | None) -> list[list[str]]:
    """List the subjects, contents and sender names, the campaign's own first."""
    own = (campaign.subject, campaign.body, campaign.from_name)
    others = (test.subjects, test.bodies, test.from_names) if test else ((), (), ())
    return [
        [mine, *(text for text in texts if text.strip())] for mine, texts in zip(own, others, strict=True)
    ]


def find_test_problems(campaign: EmailCampaign, test: SplitTest) -> list[tuple[str, str]]:
    """Return what stands against a test: (field, sentence) each. The launch judges the contents."""
    amount = count_variants(campaign, test)
    if amount < LEAST_VARIANTS:
        return [("variants", _("The A/B test has one variant: add another subject, content or sender name."))]
    if amount > MOST_VARIANTS:
        return [
            (
                "variants",
                _("The A/B test makes %(amount)s variants: at most %(most_variants)s are tried.")
                % {"amount": f"{amount:,}", "most_variants": MOST_VARIANTS},
            )
        ]
    reasons = []
    kinds = (
        (_("Two subjects of the A/B test are the same."), test.subjects),
        (_("Two contents of the A/B test are the same."), test.bodies),
        (_("Two sender names of the A/B test are the same."), test.from_names),
    )
    for (what, texts), own in zip(kinds, (campaign.subject, campaign.body, campaign.from_name), strict=True):
        every = [text.strip() for text in (own, *texts) if text.strip()]
        if len(set(every)) < len(every):
            reasons.append(("variants", what))
    if test.split == SplitTest.Split.WEIGHTED and len(test.weights) != amount:
        given = ngettext("%(count)s weight", "%(count)s weights", len(test.weights)) % {
            "count": len(test.weights)
        }
        reasons.append(
            (
                "variants",
                _("The A/B test has %(amount)s variants and %(given)s: give one for each.")
                % {"amount": amount, "given": given},
            )
        )
    elif test.split == SplitTest.Split.WEIGHTED and not sum(test.weights):
        reasons.append(("variants", _("Give at least one variant of the A/B test a weight above 0.")))
    if test.winner_by == SplitTest.Criterion.OPENS and not campaign.track_opens:
        reasons.append(("variants", _("The A/B test is decided by opens, and the campaign tracks none.")))
    if test.winner_by == SplitTest.Criterion.CLICKS and not campaign.track_clicks:
        reasons.append(("variants", _("The A/B test is decided by clicks, and the campaign tracks none.")))
    return reasons + _find_problems_of_sales(campaign, test)


def _find_problems_of_sales(campaign: EmailCampaign, test: SplitTest) -> list[tuple[str, str]]:
    """Return what stands against a test that sales decide."""
    is_personal = campaign.offer_id is not None and campaign.code_kind == EmailCampaign.CodeKind.PERSONAL
    if test.winner_by == SplitTest.Criterion.REDEEMED and not is_personal:
        return [
            (
                "variants",
                _("The A/B test is decided by redemptions: give each recipient a code (section Offer)."),
            )
        ]
    if test.winner_by != SplitTest.Criterion.REVENUE:
        return []
    if test.split == SplitTest.Split.THOMPSON:
        return [
            (
                "variants",
                _("Thompson sampling goes by a rate: decide by redemptions, or split it another way."),
            )
        ]
    rule = attribution.fix_rule(campaign)
    if not (is_personal or (rule["days"] and (rule["names_clicks"] or rule["after_acceptance"]))):
        return [
            ("variants", _("The A/B test is decided by revenue, and no sale could count for one recipient."))
        ]
    return []
