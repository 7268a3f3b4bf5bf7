"""A shop in a database of its own: rules as rows in one active campaign, a location, a till.

    python -m benchmarks.till.shop RULES.json BUDGET

Fills the database of the settings and prints the ids of its rows as JSON. Budget 0: none.
"""

import json
import sys
from pathlib import Path

from campaigns.annotations import JsonObject

KEY = "key-of-the-till-of-the-benchmark"


def open_shop(rules: list[JsonObject], budget: int) -> dict[str, int]:
    """`rules`: promotions.engine.Rule as JSON. Returns the ids a sale in bare SQL needs."""
    from django.utils import timezone

    from pos import keys
    from pos.models import Location
    from promotions.models import Counter, Link, Promotion, PromotionCampaign
    from promotions.publish.counters import correct_counters

    location = Location.objects.create(code="L1", name="Shop", currency="EUR")
    till, _ = keys.issue(location, "Till 1", key=KEY)
    promotions = Promotion.objects.bulk_create(
        [
            Promotion(
                name=f"Promotion {rule['promotion']}",
                status=Promotion.Status.ACTIVE,
                level=rule.get("lane", "item"),
                target=rule.get("target", {}),
                conditions=rule.get("conditions", []),
                benefit=rule["benefit"],
                caps=rule.get("caps", {}),
            )
            for rule in rules
        ]
    )
    campaign = PromotionCampaign(
        name="Benchmark", status="active", starts_at=timezone.now(), budget=budget or None
    )
    campaign.save()
    Link.objects.bulk_create([Link(campaign=campaign, promotion=promotion) for promotion in promotions])
    correct_counters()
    counter = Counter.objects.filter(campaign=campaign).first()
    return {
        "location": location.pk,
        "till": till.pk,
        "campaign": campaign.pk,
        "promotion": promotions[0].pk,
        "counter": counter.pk if counter else 0,
    }


def main() -> None:
    """Make the shop of the workload in a fresh database and print what the tills need."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(open_shop(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]))))


if __name__ == "__main__":
    main()
