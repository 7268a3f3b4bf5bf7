"""A winner by redemptions or by revenue: what counts, when it is sure, and the steps of the clock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import lifecycle
from mailing import attribution, launch
from mailing.lift import Arm
from mailing.models import Conversion, Delivery
from mailing.variants.definitions import Variant
from mailing.variants.figures import Rate, VariantFigures, read_test_figures
from mailing.variants.judging import judge_variants
from tests.factories import ContactFactory
from tests.mailing.offers.carrying import BODY, draft_mail, make_offer
from tests.mailing.revenue.shops import fold, give_back, redeem, sell, void
from tests.mailing.running import draft
from tests.mailing.variants.testing import (
    accept,
    add_test,
    advance,
    count_variants,
    launch_tested,
    list_steps,
)

HOUR = timedelta(hours=1)
database = pytest.mark.django_db


def build(letter, *, redeemed=0, buyers=0, mean=0, people=20_000):
    """A variant whose buyers all paid the same, `mean` for each recipient in minor units."""
    total = mean * people
    squares = total * total / buyers if buyers else 0.0
    sales = Arm(people, buyers, total, float(total), squares)
    number = ord(letter) - ord("A")
    variant = Variant(number, f"Subject {letter}", "", "")
    nothing = Rate(0, people)
    return VariantFigures(variant, people, people, 0, nothing, nothing, Rate(redeemed, people), sales)


@pytest.mark.parametrize(
    ("variants", "best", "is_sure", "words"),
    [
        (
            [build("A", redeemed=200), build("B", redeemed=300)],
            "B",
            True,
            "1.5% of its 20,000 recipients redeemed",
        ),
        (
            [build("A", redeemed=200), build("B", redeemed=210)],
            "B",
            False,
            "The difference to A (1.0%) may be",
        ),
        ([build("A"), build("B")], None, False, "nobody has redeemed their code yet"),
    ],
)
def test_redemptions_are_judged_by_their_rate(variants, best, is_sure, words):
    verdict = judge_variants(variants, "redeemed")
    assert verdict.is_sure is is_sure
    assert words in verdict.sentence
    if best:
        assert verdict.best.variant.letter == best


@pytest.mark.parametrize(
    ("variants", "best", "is_sure", "words"),
    [
        (
            [build("A", buyers=400, mean=20), build("B", buyers=600, mean=50)],
            "B",
            True,
            "€0.50 for each of its",
        ),
        (
            [build("A", buyers=400, mean=20), build("B", buyers=410, mean=21)],
            "B",
            False,
            "A (€0.20) may be chance",
        ),
        ([build("A", buyers=400, mean=20), build("B", buyers=199, mean=90)], "B", False, "has 200 buyers"),
        ([build("A"), build("B")], None, False, "nobody has bought anything yet"),
        ([build("A", buyers=600, mean=20), build("B", buyers=400, mean=60)], "B", True, "€0.60"),
    ],
)
def test_revenue_is_judged_for_each_recipient_and_only_with_enough_buyers(variants, best, is_sure, words):
    verdict = judge_variants(variants, "revenue")
    assert verdict.is_sure is is_sure
    assert words in verdict.sentence
    assert ("Too early to tell" in verdict.sentence) is not is_sure
    if best:
        assert verdict.best.variant.letter == best


def test_more_variants_need_more_proof_of_their_revenue():
    pair = [build("A", buyers=400, mean=30), build("B", buyers=400, mean=35)]
    assert judge_variants(pair, "revenue").is_sure
    assert not judge_variants(
        [*pair, *(build(letter, buyers=400, mean=30) for letter in "CDEFGH")], "revenue"
    ).is_sure


@database
@pytest.mark.parametrize(
    ("test", "fields", "words"),
    [
        ({"winner_by": "redeemed"}, {}, "decided by redemptions: give each recipient a code"),
        ({"winner_by": "revenue"}, {"track_clicks": False}, "no sale could count for one recipient"),
        ({"winner_by": "revenue"}, {"attribution_days": 0}, "no sale could count for one recipient"),
        ({"winner_by": "revenue", "split": "thompson"}, {}, "Thompson sampling goes by a rate"),
        ({"winner_by": "revenue"}, {}, ""),
        ({"winner_by": "revenue"}, {"track_clicks": False, "after_acceptance": "yes"}, ""),
    ],
)
def test_what_stands_against_a_test_by_sales_is_said(test, fields, words):
    campaign = draft(3, **fields)
    add_test(campaign, **test)
    said = " ".join(sentence for _, sentence in launch.find_problems(campaign))
    assert words in said if words else not said


@database
def test_a_shared_code_tells_nothing_of_variants():
    campaign = draft_mail(code_kind="shared")
    add_test(campaign, winner_by="redeemed")
    assert "decided by redemptions" in str(launch.find_problems(campaign))


# ── through the phases ───────────────────────────────────────────────────────────────────────────────────────────────


def launch_by(criterion, people=20, **test):
    contacts = [ContactFactory(customer_id=f"K{number}") for number in range(people)]
    return launch_tested(
        contacts,
        offer=make_offer()[0],
        body=BODY,
        test={"winner_by": criterion, "share_percent": 60, "wait": 3} | test,
    )


def buy(campaign, variant, amount, *, total=1_000, keeps=True):
    """So many people of a variant redeem their code."""
    able = Delivery.objects.filter(campaign=campaign, variant=variant, conversions=None).select_related(
        "contact"
    )
    sales = []
    for delivery in able.order_by("pk")[:amount]:
        sale = sell(delivery.contact.customer_id, timezone.now(), total, discount=100)
        redeem(sale, delivery.coupon)
        sales.append(sale)
    if not keeps:
        for sale in sales:
            give_back(sale, total, 100)
    fold()
    return sales


@database
@pytest.mark.parametrize("criterion", ["redeemed", "revenue"])
def test_the_best_so_far_goes_to_the_rest_when_the_wait_is_over(criterion):
    campaign = launch_by(criterion)
    accept(campaign)
    assert (advance(campaign).phase, count_variants(campaign)) == ("waiting", {0: 6, 1: 6, None: 8})
    buy(campaign, 0, 1)
    buy(campaign, 1, 3)
    campaign = advance(campaign, HOUR)
    assert campaign.phase == "waiting"
    campaign = advance(campaign, 3 * HOUR + timedelta(seconds=5))
    assert (campaign.phase, campaign.winner, count_variants(campaign)) == ("rest", 1, {0: 6, 1: 14})
    why = campaign.history.get(verb="choose_winner").why
    assert "Too early to tell. The best so far is B" in why
    assert list_steps(campaign) == ["launch", "begin_test", "begin_waiting", "choose_winner"]
    assert list(attribution.list_breaches()) == []


@database
def test_a_redemption_that_is_voided_or_whose_goods_came_back_counts_no_more():
    campaign = launch_by("redeemed")
    accept(campaign)
    kept = buy(campaign, 0, 2)
    buy(campaign, 1, 3, keeps=False)
    counted = read_test_figures(campaign).variants
    assert [each.redemptions.hits for each in counted] == [2, 0]
    assert [(each.sales.buyers, each.sales.net) for each in counted] == [(2, 2_000), (0, 0)]
    void(kept[0])
    fold()
    assert [each.redemptions.hits for each in read_test_figures(campaign).variants] == [1, 0]


@database
def test_an_undecided_test_by_revenue_asks_where_it_is_set_so_and_a_person_chooses(client, marketer):
    campaign = launch_by("revenue", when_undecided="ask")
    accept(campaign)
    advance(campaign)
    buy(campaign, 0, 2, total=5_000)
    campaign = advance(campaign, 4 * HOUR)
    assert (campaign.phase, campaign.winner) == ("waiting", None)
    page = client.get(campaign.get_absolute_url()).text
    assert "Revenue is compared once each variant has 200 buyers." in page
    assert "Revenue for each" in page
    assert "€16.67" in page, "2 baskets of €50 for 6 recipients"
    campaign = lifecycle.fire(campaign, "pause")
    answer = client.post(f"/campaigns/email/{campaign.pk}/variants/0/")
    assert answer.status_code == 302
    assert "was chosen by hand. A: 0.0% of 6 clicked, 0.0% opened, 33.3% redeemed, €16.67 for each" in (
        campaign.history.get(verb="choose_winner").why
    )


@database
def test_thompson_sampling_gives_more_to_what_is_redeemed():
    campaign = launch_by("redeemed", 100, split="thompson", share_percent=80, wait=10)
    sizes = []
    for _ in range(6):
        accept(campaign)
        buy(campaign, 1, count_variants(campaign).get(1, 0) - Conversion.objects.count())
        campaign = advance(campaign, 2 * HOUR)
        sizes.append(count_variants(campaign))
        type(campaign).objects.filter(pk=campaign.pk).update(phase_at=timezone.now() - 2 * HOUR)
    assert sizes[-1][1] > 2 * sizes[-1][0]
