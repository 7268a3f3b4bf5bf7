"""What codes of their own cost: a launch with one for each recipient, beside the same launch without; and pictures.

    python -m benchmarks.codes [--recipients 1000000] [--hold-out 10]

All campaigns go to the same contacts, and are prepared in this process one after the other. With --hold-out one more
has codes and holds out that share of the recipients. Goal: at most 3 times the launch without either.
Not a test.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.results import note_result

GOAL = 3.0
PICTURES = 500


def main() -> None:
    """Measure both launches, and the drawing of QR codes and bar codes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--hold-out", type=int, default=0, metavar="PERCENT", choices=range(51))
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.server(Path(folder)),
        rig.database("fanfare_bench_codes"),
    ):
        people = rig.contacts_of(options.recipients)
        without = prepare(people, with_codes=False)
        with_codes = prepare(people, with_codes=True)
        print(f"{options.recipients:,} recipients, prepared without codes {without:8.1f} s")
        print(f"with a code for each                   {with_codes:8.1f} s")
        print(f"ratio                                  {with_codes / without:8.2f}, goal {GOAL:g}")
        note_result(
            f"launch of {options.recipients:,} with codes, of one without", with_codes / without, at_most=GOAL
        )
        if options.hold_out:
            held = prepare(people, with_codes=True, hold_out=options.hold_out)
            print(f"with codes and {options.hold_out}% held out{held:>19.1f} s")
            note_result("the same with a hold-out", held / without, at_most=GOAL)
            print(f"ratio                                  {held / without:8.2f}, goal {GOAL:g}")
        draw_pictures()


def prepare(people: int, *, with_codes: bool, hold_out: int = 0) -> float:
    """Launch and prepare a campaign; return the seconds that preparing took."""
    from campaigns import lifecycle
    from mailing import launch
    from promotions.models import Promotion

    campaign = rig.draft(people, 1)
    if with_codes:
        campaign.offer = Promotion.objects.create(
            name="A tenth off",
            status="active",
            standalone=True,
            trigger="coupon",
            benefit={"type": "percent", "percent": 1000},
        )
        campaign.body = campaign.body.replace("</body>", "<p>{{ offer.code }}</p></body>")
        campaign.code_prefix = "AUTUMN-"
        campaign.hold_out = hold_out
        campaign.save()
    lifecycle.fire(campaign, "launch")
    begun = time.monotonic()
    launch.prepare(campaign.pk)
    seconds = time.monotonic() - begun
    campaign.refresh_from_db()
    assert campaign.deliveries.exclude(status="held_out").filter(coupon=None).exists() is not with_codes
    assert campaign.deliveries.filter(status="held_out").exists() is bool(hold_out)
    return seconds


def draw_pictures() -> None:
    """Say how many pictures of codes one process draws in a second."""
    from mailing import pictures

    for name, draw in (("QR codes", pictures.draw_qr), ("bar codes", pictures.draw_barcode)):
        begun = time.process_time()
        for number in range(PICTURES):
            draw(f"AUTUMN-{number:09}")
        print(f"{name:<38} {PICTURES / (time.process_time() - begun):8,.0f} a second")


if __name__ == "__main__":
    main()
