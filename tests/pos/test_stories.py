"""Days at a till, step by step through real models and transitions: `till_stories.json`.

Each story is a campaign whose one promotion takes 10% off everything, and what happens to it. A step says what it must
come to: the discount a sale gets or gives back, the status of an answer, and the campaign's counter after it (spent,
held, uses and, where there is some, overrun).
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from campaigns import doctor, lifecycle
from pos.models import Sale
from promotions import publish
from promotions.models import Counter, Link
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, Response, line

STORIES = json.loads((Path(__file__).parent / "till_stories.json").read_text())
Step = Mapping[str, Any]


class Day:
    """One story's campaign, promotion, coupon and till."""

    def __init__(self, story: Mapping[str, Any]) -> None:
        coupon = story.get("coupon")
        trigger = {"trigger": "coupon"} if coupon else {}
        self.promotion = PromotionFactory(**trigger, **story.get("promotion", {}))
        self.coupon = CouponFactory(promotion=self.promotion, **coupon) if coupon else None
        self.campaign = PromotionCampaignFactory(
            status="active", starts_at=timezone.now() - timedelta(days=1), **story.get("campaign", {})
        )
        Link.objects.create(campaign=self.campaign, promotion=self.promotion)
        self.till = AtTill()
        self.returns = 0

    def body(self, step: Step) -> dict[str, Any]:
        body: dict[str, Any] = {
            "currency": "EUR",
            "lines": [line(1, step["price"], step.get("units", 1))],
        }
        if "customer" in step:
            body["customer"] = {"id": step["customer"]}
        if step.get("code"):
            body["coupons"] = [self.coupon.code]
        if step.get("offline"):
            body["offline_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
        return body

    def sell(self, step: Step) -> None:
        answer = self.till.put(step["sale"], self.body(step))
        assert (answer.status, answer["discount"]) == (200 if step.get("again") else 201, step["discount"])

    def hold(self, step: Step) -> None:
        answer = self.till.hold(step["sale"], self.body(step))
        assert (answer.status, answer["discount"]) == (201, step["discount"])

    def confirm(self, step: Step) -> None:
        self.check_status(self.till.post(step["sale"], "confirm"), step)

    def release(self, step: Step) -> None:
        self.check_status(self.till.post(step["sale"], "release"), step)

    def void(self, step: Step) -> None:
        self.check_status(self.till.post(step["sale"], "void"), step)

    def give_back(self, step: Step) -> None:
        self.returns += 1
        answer = self.till.give_back(step["sale"], f"R{self.returns}", {"1": step["units"]})
        self.check_status(answer, {"status": 201} | step)
        assert "discount" not in step or answer["discount"] == step["discount"]

    def lapse(self, step: Step) -> None:
        over = timezone.now() - timedelta(seconds=1)
        assert Sale.objects.filter(reference=step["sale"], state="held").update(expires_at=over)

    def fire(self, step: Step) -> None:
        if step.get("refused"):
            with pytest.raises(lifecycle.Refused):
                lifecycle.fire(self.campaign, step["verb"])
        else:
            lifecycle.fire(self.campaign, step["verb"])

    def edit(self, step: Step) -> None:
        publish.edit_campaign(self.campaign, changes=step["changes"])

    def switch(self, step: Step) -> None:
        publish.switch_promotion(self.promotion, step["on"])

    @staticmethod
    def check_status(answer: Response, step: Step) -> None:
        assert answer.status == step["status"], answer.body

    def counter(self) -> list[int]:
        counter = Counter.objects.get(campaign=self.campaign)
        return [counter.spent, counter.held, counter.uses, counter.overrun]


STEPS = {
    "sell": Day.sell,
    "hold": Day.hold,
    "confirm": Day.confirm,
    "release": Day.release,
    "void": Day.void,
    "return": Day.give_back,
    "lapse": Day.lapse,
    "fire": Day.fire,
    "edit": Day.edit,
    "switch": Day.switch,
}


@pytest.mark.django_db
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story["name"])
def test_a_day_at_the_till(story):
    day = Day(story)
    for number, step in enumerate(story["steps"], 1):
        STEPS[step["do"]](day, step)
        if "counter" in step:
            figures = [*step["counter"], 0][:4]
            assert day.counter() == figures, f"after step {number}: {step}"
    assert not list(doctor.find_breaches())
