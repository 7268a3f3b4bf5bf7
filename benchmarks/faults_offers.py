"""A promotion that is paused while its mail is sent at the full rate: does any mail leave that should not?

    python -m benchmarks.faults_offers [--pauses 50] [--recipients 100000]

Real senders under the product's own supervisor send a mail with a code for each recipient. Again and again, at random
moments, the promotion's campaign is paused, and resumed once nothing is under way any more. The database of the
benchmark notes when each mark (`in_data`) began: none may begin after a pause has answered, and after the answer the
server may accept at most one message of each open connection. At the end every recipient must have one code and one
mail, each with its own. Exits 1 when one of that is not so.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.mailing import rig
from tests.hostile_smtp import Accepted, hostile_process

Row = Any  # of a model: models are not imported before the set-up

CONNECTIONS = 20
PATIENCE = 120.0  # seconds until the senders are at it again
UNDER_WAY = 200  # messages that must be accepted after a resumption before the next pause
LEFT = 0.1  # share of the recipients that must be left for another pause

# The time of the statement, not of the transaction or of the row: a statement that began before the pause answered may
# commit after it.
NOTE_MARKS = """
CREATE TABLE noted_mark (delivery bigint NOT NULL, began timestamptz NOT NULL);
CREATE FUNCTION note_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO noted_mark VALUES (NEW.id, statement_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER note_mark AFTER UPDATE ON mailing_delivery FOR EACH ROW
    WHEN (NEW.status = 'in_data' AND OLD.status <> 'in_data') EXECUTE FUNCTION note_mark();
"""
NOTE_NO_MORE = "DROP FUNCTION note_mark CASCADE; DROP TABLE noted_mark"


class Pause(NamedTuple):
    """A pause and what came after its answer: messages accepted, and marks begun; `rate` a second before it."""

    answered: datetime
    accepted: int
    marks: int
    rate: float


def make_mail(people: int, port: int, connections: int) -> tuple[Row, Row]:
    """Make a promotion's campaign and launch a mail with a code of it for each; return both.

    Args:
        people: the key of a list.
        port: of the mail server.
    """
    from campaigns import lifecycle
    from mailing import launch
    from promotions import publish
    from promotions.models import Promotion, PromotionCampaign

    campaign = PromotionCampaign(name="Autumn at the till", status="active")
    campaign.save()
    promotion = Promotion.objects.create(
        name="A tenth off", status="active", trigger="coupon", benefit={"type": "percent", "percent": 1000}
    )
    publish.link(campaign, promotion)
    mail = rig.draft(people, port, max_connections=connections)
    mail.offer = promotion
    mail.resumes_with_offer = True
    mail.body = mail.body.replace("</body>", "<p>{{ offer.code }}</p></body>")
    mail.save()
    lifecycle.fire(mail, "launch")
    launch.prepare(mail.pk)
    return campaign, mail


def pause_once(
    campaign: Row, count_accepted: Callable[[], int], chance: random.Random, under_way: int = UNDER_WAY
) -> Pause:
    """Wait until messages are sent again, pause the campaign at a random moment, and see what comes after.

    Raises:
        SystemExit: nothing is sent.
    """
    from django.db import connection

    from campaigns import lifecycle

    before = count_accepted()
    if not rig.wait(lambda: count_accepted() >= before + under_way, PATIENCE, 0.005):
        raise SystemExit(f"Only {count_accepted() - before} messages were accepted since the last pause.")
    before, begun = count_accepted(), time.monotonic()
    time.sleep(chance.uniform(0.05, 0.25))
    sent, seconds = count_accepted() - before, time.monotonic() - begun
    lifecycle.fire(campaign, "pause")
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        answered: datetime = cursor.fetchone()[0]
        then = count_accepted()
        wait_until_quiet(count_accepted)
        cursor.execute("SELECT count(*) FROM noted_mark WHERE began > %s", [answered])
        marks: int = cursor.fetchone()[0]
    return Pause(answered, count_accepted() - then, marks, sent / seconds)


def wait_until_quiet(count_accepted: Callable[[], int], seconds: float = 0.3) -> None:
    """Wait until nothing was accepted for so long."""
    seen, since = count_accepted(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.02)
        if (now := count_accepted()) != seen:
            seen, since = now, time.monotonic()


def judge_pause(pause: Pause, connections: int) -> list[str]:
    """Return what is wrong with what came after a pause."""
    wrong = []
    if pause.marks:
        wrong.append(f"{pause.marks} marks began after the pause of {pause.answered:%H:%M:%S.%f} answered")
    if pause.accepted > connections:
        wrong.append(
            f"{pause.accepted} messages were accepted after the pause of {pause.answered:%H:%M:%S.%f} answered, over "
            f"{connections} connections"
        )
    return wrong


def judge_end(mail: Row, got: Counter[str]) -> list[str]:
    """Return what is wrong once everybody was sent the mail, given who got how many."""
    from mailing import doctor
    from mailing.models import Delivery

    rows = list(Delivery.objects.filter(campaign=mail).values_list("email", "status", "coupon"))
    wrong = [*doctor.list_breaches()]
    if twice := [email for email, times in got.items() if times > 1]:
        wrong.append(f"{len(twice)} got it twice, such as {twice[0]}")
    if lost := [email for email, status, _ in rows if email not in got and status != "uncertain"]:
        wrong.append(f"{len(lost)} did not get it, such as {lost[0]}")
    if len({coupon for *_, coupon in rows}) != len(rows):
        wrong.append("two recipients have one code, or one has none")
    return wrong


def main() -> None:
    """Pause a promotion many times and exit with 1 when a mail left that should not have."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pauses", type=int, default=50)
    parser.add_argument("--recipients", type=int, default=100_000, help="of each mail; another one follows")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as logs,
        rig.server(Path(logs)),
        rig.database("fanfare_faults_offers"),
        hostile_process() as (port, server),
        rig.product("mail", "clock", logs=Path(logs)),
    ):
        wrong = run(options.pauses, options.recipients, port, server.stats, server.list_accepted)
    for each in wrong:
        print(f"WRONG  {each}")
    sys.exit(bool(wrong))


def run(
    pauses: int,
    recipients: int,
    port: int,
    stats: Callable[[], dict[str, int]],
    list_accepted: Callable[[int], list[Accepted]],
) -> list[str]:
    """Send mails and pause their promotions so often; return what was wrong."""
    from django.db import connection

    from campaigns import lifecycle
    from mailing.models import EmailCampaign

    def count_accepted() -> int:
        return stats()["accepted"]

    with connection.cursor() as cursor:
        cursor.execute(NOTE_MARKS)
    chance = random.Random()
    people = rig.contacts_of(recipients)
    wrong: list[str] = []
    done: list[Pause] = []
    while len(done) < pauses:
        first = count_accepted()
        campaign, mail = make_mail(people, port, CONNECTIONS)
        while len(done) < pauses and count_accepted() - first < (1 - LEFT) * recipients - UNDER_WAY:
            done.append(pause_once(campaign, count_accepted, chance))
            wrong += judge_pause(done[-1], CONNECTIONS)
            lifecycle.fire(campaign, "resume")
        if not rig.wait(EmailCampaign.objects.filter(pk=mail.pk, status="completed").exists, 600, 0.2):
            wrong.append("the mail did not end")
        wrong += judge_end(mail, Counter(message.recipient for message in list_accepted(first)))
    late = [pause.accepted for pause in done]
    print(
        f"{len(done)} pauses at {min(pause.rate for pause in done):,.0f} to "
        f"{max(pause.rate for pause in done):,.0f} messages a second over {CONNECTIONS} connections: "
        f"{sum(pause.marks for pause in done)} marks began after the answer; accepted after it "
        f"{min(late)} to {max(late)}, {sum(late) / len(late):.1f} on average"
    )
    return wrong


if __name__ == "__main__":
    main()
