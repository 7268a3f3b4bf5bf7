"""The closed loop as one story: a mail with an offer, sent and stopped with its promotion, redeemed at tills, counted.

Pages are asked as a browser asks them, mails leave through a real SMTP server, tills send their real requests, and each
figure is held against SQL written by hand.
"""

import re
from email import message_from_bytes, policy

import pytest
from django.db import connection
from django.utils import timezone

from mailing import launch, offers
from mailing.models import EmailCampaign
from mailing.sending import runs
from promotions.models import Promotion, PromotionCampaign
from tests.factories import ContactFactory, SegmentFactory
from tests.hostile_smtp import parse
from tests.mailing.offers.carrying import BODY
from tests.mailing.revenue.shops import fold
from tests.mailing.running import SEPARATE, counts, fresh, in_thread, send, to
from tests.pos.tills import AtTill, basket, line, run_at_once
from tests.waiting import wait_for

PEOPLE, OTHERS = 40, 5
HTMX = {"HX-Request": "true"}
BY_HAND = """
SELECT count(*), coalesce(sum(sale.total - coalesce(back.total, 0)), 0)::bigint
FROM pos_sale AS sale
LEFT JOIN (SELECT sale_id, sum((answer::jsonb ->> 'total')::bigint) AS total FROM pos_return GROUP BY 1) AS back
    ON back.sale_id = sale.id
WHERE sale.state = 'committed' AND EXISTS (
    SELECT FROM promotions_redemption AS used JOIN mailing_delivery AS mail ON mail.coupon_id = used.coupon_id
    WHERE used.sale_id = sale.id AND mail.campaign_id = %s
)
"""


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def tea(price=2_000, quantity=1):
    return line("1", price, quantity, sku="TEA")


def read_redeemed(client, mail):
    """Return the sales and the revenue that the panel says were redeemed, having checked them by hand."""
    fold()
    said = text_of(client.get(f"/campaigns/email/{mail.pk}/revenue/panel/"))
    told = re.search(r"Redeemed €([\d,.]+) (\d+) sales?", said)
    with connection.cursor() as cursor:
        cursor.execute(BY_HAND, [mail.pk])
        sales, net = cursor.fetchone()
    assert (int(told[2]), told[1]) == (sales, f"{net / 100:,.2f}")
    return sales, net


def read_codes(server):
    """Return the code that each caught mail shows, by its recipient."""
    found = {}
    for caught in list(server.kept.values()):
        content = message_from_bytes(caught, policy=policy.default)
        text = content.get_body(("plain",)).get_content()
        found[content["To"].addresses[0].addr_spec] = re.search(r"your code is (\S+),", text)[1]
    return found


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_a_mail_is_redeemed_counted_given_back_and_stopped_with_its_promotion(server, client, marketer):
    server.settings.keep_every = 1
    tills = [AtTill(), AtTill()]

    # who bought tea is a segment
    people = [ContactFactory(customer_id=f"K{number}") for number in range(PEOPLE + OTHERS)]
    for number in range(PEOPLE):
        sold = tills[0].put(
            f"B{number}", {"currency": "EUR", "lines": [tea()], "customer": {"id": f"K{number}"}}
        )
        assert sold.status == 201
    fold()
    segment = SegmentFactory(tree={"all": [{"event": "bought", "of": {"sku": "TEA"}}]})

    # the promotion is made in the editor, and the mail saved with it and a hold-out
    made = client.post(
        "/campaigns/email/offers/new/",
        {"name": "A tenth off", "reduction": "percent", "percent": "10", "min_subtotal": "10"},
        headers=HTMX,
    )
    assert made.status_code == 200
    promotion, promoted = Promotion.objects.get(), PromotionCampaign.objects.get()
    smtp = to(server, max_connections=2)
    typed = {
        "name": "Tea for a tenth less",
        "subject": "For you",
        "from_name": "The Shop",
        "from_email": "shop@example.com",
        "body": BODY,
        "body_format": "markdown",
        "sharing": "single",
        "connection": smtp.pk,
        "retry_hours": "48",
        f"target_segment_{segment.pk}": "include",
        "hold_out": "20",
        "track_opens": "on",
        "track_clicks": "on",
        "has_offer": "on",
        "offer": promotion.pk,
        "promotion_campaign": promoted.pk,
        "code_kind": "personal",
        "code_prefix": "TEA-",
        "resumes_with_offer": "on",
    }
    prospect = text_of(client.post("/campaigns/email/hold-out/", typed))
    assert f"With {PEOPLE} people and 20% held out you would see a lift" in prospect
    assert client.post("/campaigns/email/new/", typed).status_code == 302
    mail = EmailCampaign.objects.get()
    assert client.post(f"/campaigns/{mail.pk}/launch/").status_code == 302
    launch.prepare(mail.pk)
    mail = fresh(mail)
    held = mail.funnel["held_out"]
    assert mail.total + held == PEOPLE

    # the promotion is paused in the midst of sending: nothing more leaves, and both pages say so
    server.settings.rules = parse("dot delay 0.05")
    with in_thread(lambda: runs.run_lane(mail.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 5)
        asked = text_of(client.get(f"/campaigns/{promoted.pk}/pause/"))
        assert re.search(rf"{mail}: \d+ not sent yet", asked)
        assert client.post(f"/campaigns/{promoted.pk}/pause/").status_code == 302
        before = len(server.accepted)
    assert len(server.accepted) - before <= 2, "one of each open connection"
    offers.follow_offers(timezone.now())
    page = text_of(client.get(mail.get_absolute_url()))
    assert fresh(mail).status == "paused"
    assert "“A tenth off” is paused. Resume, start or extend it" in page
    assert "It resumes automatically after that." in page
    assert not set(read_codes(server)) & {each.email for each in mail.deliveries.filter(status="held_out")}

    # it is resumed, and so is the mail by itself
    server.settings.rules = []
    assert client.post(f"/campaigns/{promoted.pk}/resume/").status_code == 302
    offers.follow_offers(timezone.now())
    assert send(mail).status == "completed"
    assert counts(mail) == {"accepted": PEOPLE - held, "held_out": held}
    codes = read_codes(server)
    assert set(codes.values()) == {each.coupon.code for each in mail.deliveries.exclude(coupon=None)}

    # one code at two tills at once: one wins, and its revenue is on the page
    by_address = {each.email: each for each in people}
    bearers = [(by_address[address], code) for address, code in codes.items()]
    owner, code = bearers[0]

    def redeem(place):
        body = {
            "currency": "EUR",
            "lines": [tea(3_000)],
            "coupons": [code],
            "customer": {"id": owner.customer_id},
        }
        return tills[place].put(f"R{place}", body)

    assert (
        tills[0].quote(basket(3_000, coupons=[code], customer={"id": owner.customer_id}))["discount"] == 300
    )
    answers = run_at_once(2, redeem)
    assert sorted(each["discount"] for each in answers) == [0, 300]
    assert read_redeemed(client, mail) == (1, 2_700)

    # without a customer id, and one that comes back in part
    unnamed = tills[0].put("U1", {"currency": "EUR", "lines": [tea(5_000)], "coupons": [bearers[1][1]]})
    assert unnamed["discount"] == 500
    pair = {"currency": "EUR", "lines": [tea(1_000, 2)], "coupons": [bearers[2][1]]}
    pair["customer"] = {"id": bearers[2][0].customer_id}
    assert tills[1].put("P1", pair)["discount"] == 200
    assert read_redeemed(client, mail) == (3, 2_700 + 4_500 + 1_800)
    assert tills[1].give_back("P1", "G1", {"1": 1}).status == 201
    assert read_redeemed(client, mail) == (3, 2_700 + 4_500 + 900)

    # a void: the figure falls, and the code is good again
    winner = next(place for place, answer in enumerate(answers) if answer["discount"])
    assert tills[winner].post(f"R{winner}", "void").status == 200
    assert read_redeemed(client, mail) == (2, 4_500 + 900)
    assert tills[0].quote(basket(3_000, coupons=[code]))["discount"] == 300

    # what it caused, and what came through it
    said = text_of(client.get(f"/campaigns/email/{mail.pk}/revenue/incremental/"))
    assert "so far" in said
    page = text_of(client.get(promoted.get_absolute_url()))
    sent = PEOPLE - held
    assert re.search(rf"{mail} Completed {sent} 2 {sent - 2} 2 €6.00 €54.00 9.00 Without a mail", page)
