"""Faults while a campaign is sent by real processes: is anybody lost, is anybody mailed twice?

    python -m benchmarks.faults_mail [--recipients 4000] [--kills 3] [--only NAME]

A hostile SMTP server records every message it accepts. In each run something fails under the product's own supervisor,
and at the end every recipient must have been accepted exactly once, but for those the ledger lists as uncertain, of
which there may be two for each open connection and kill. Exits 1 when one is lost or doubled.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.mailing import rig
from tests.hostile_smtp import Control, hostile_process

CONNECTIONS = 10
PATIENCE = 360  # seconds a run may take


class Run:
    """One campaign under way, its processes, and the server that takes its mail."""

    def __init__(
        self,
        recipients: int,
        port: int,
        server: Control,
        product: rig.Product,
        postgres: Any,  # an instance of config.embedded_postgres.Server, not imported before the set-up
    ) -> None:
        from campaigns import lifecycle

        self.postgres = postgres
        self.recipients = recipients
        self.server = server
        self.product = product
        self.campaign = rig.draft(rig.contacts_of(recipients), port, max_connections=CONNECTIONS)
        self.totals: set[int] = set()
        lifecycle.fire(self.campaign, "launch")

    # Any: a model, and models are not imported before the set-up
    def now(self) -> Any:
        from mailing.models import EmailCampaign

        return EmailCampaign.objects.get(pk=self.campaign.pk)

    def count_accepted(self) -> int:
        accepted: int = self.server.stats()["accepted"]
        return accepted

    def reach(self, share: float) -> None:
        """Wait until the server has accepted this share of the recipients."""
        if not rig.wait(
            lambda: self.sample_states() and self.count_accepted() >= share * self.recipients, PATIENCE, 0.02
        ):
            raise SystemExit(f"Only {self.count_accepted()} were accepted; the ledger: {self.counts()}")

    def finish(self, patience: float = PATIENCE) -> None:
        if not rig.wait(lambda: self.sample_states() and self.now().is_final, patience, 0.1):
            raise SystemExit(f"It did not end; the ledger: {self.counts()}")

    def sample_states(self) -> bool:
        """Look at the sum of the states; always true."""
        from mailing.models import Delivery
        from mailing.tallies import read_sums

        if self.now().prepared_at:
            counted = read_sums(self.campaign.pk)
            self.totals.add(sum(counted.get(status, 0) for status in Delivery.Status))
        return True

    def counts(self) -> dict[str, int]:
        return dict(Counter(self.campaign.deliveries.values_list("status", flat=True)))

    def verdict(self, doubtful: int) -> list[str]:
        """Return what is wrong at the end, given that so many deliveries may be uncertain."""
        from mailing import doctor

        got = Counter(message.recipient for message in self.server.list_accepted())
        ledger = dict(self.campaign.deliveries.values_list("email", "status"))
        uncertain = {email for email, status in ledger.items() if status == "uncertain"}
        excused = uncertain | {email for email, status in ledger.items() if status == "skipped"}
        doubled = [email for email, times in got.items() if times > 1]
        lost = [email for email in ledger if email not in got and email not in excused]
        strangers = [email for email, status in ledger.items() if status == "skipped" and email in got]
        print(
            f"    {self.now().status}: {sum(got.values())} accepted, {len(doubled)} twice, {len(lost)} lost,"
            f" {len(uncertain)} uncertain of at most {doubtful}; ledger {self.counts()}"
        )
        wrong = [*doctor.list_breaches()]
        if doubled or lost or strangers:
            wrong.append(f"doubled {doubled[:5]}, lost {lost[:5]}, mailed though skipped {strangers[:5]}")
        if len(uncertain) > doubtful:
            wrong.append(f"{len(uncertain)} are uncertain, at most {doubtful} may be")
        if self.totals - {self.recipients}:
            wrong.append(f"the states did not always make {self.recipients}: {sorted(self.totals)[:5]}")
        return wrong


# ── the faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


def kill_workers(run: Run, kills: int) -> list[str]:
    """Send SIGKILL to a busy worker at random moments."""
    for number in range(kills):
        run.reach((number + 0.5 + random.random() / 2) / (kills + 1))
        *_, busy = sorted(run.product.cluster[2:], key=lambda pid: rig.cpu_seconds([pid]))
        os.kill(busy, signal.SIGKILL)
    run.finish()
    return run.verdict(2 * CONNECTIONS * kills)


def kill_helpers(run: Run, kills: int) -> list[str]:
    """Send SIGKILL to those that send nothing: idle workers, monitor and pusher, at random moments."""
    for number in range(kills):
        run.reach((number + 0.5 + random.random() / 2) / (kills + 1))
        quiet = sorted(run.product.cluster[2:], key=lambda pid: rig.cpu_seconds([pid]))[:4]
        os.kill(random.choice(quiet), signal.SIGKILL)
    run.finish()
    return run.verdict(2 * CONNECTIONS * kills)


def kill_cluster(run: Run, kills: int) -> list[str]:
    """Send SIGKILL to the cluster's main process and of its sentinel in turn, at random moments."""
    for number in range(kills):
        run.reach((number + 0.5 + random.random() / 2) / (kills + 1))
        rig.wait(lambda: len(run.product.cluster) > 6, 60)
        os.kill(run.product.cluster[number % 2], signal.SIGKILL)
    run.finish()
    return run.verdict(2 * CONNECTIONS * kills)


def kill_backend(run: Run, kills: int) -> list[str]:
    """End the senders' database sessions, as a crashed backend would."""
    from django.db import connection

    for number in range(kills):
        run.reach((number + 0.5) / (kills + 1))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    run.finish()
    return run.verdict(2 * CONNECTIONS * kills)


def restart_postgres(run: Run, kills: int) -> list[str]:
    """Stop PostgreSQL itself, and start it again."""
    from django.db import connection

    for number in range(kills):
        run.reach((number + 0.5) / (kills + 1))
        connection.close()
        run.postgres.stop()
        run.postgres.start()
    run.finish()
    return run.verdict(2 * CONNECTIONS * kills)


def terminate(run: Run, kills: int) -> list[str]:
    """Send SIGTERM, as a deployment does: all is drained in under ten seconds, nothing in doubt."""
    wrong = []
    for number in range(kills):
        run.reach((number + 0.5) / (kills + 1))
        took = run.product.stop()
        print(f"    stopped in {took:.1f} s")
        if took > 10:
            wrong.append(f"it took {took:.1f} s to stop")
        run.product.start()
    run.finish()
    return wrong + run.verdict(0)


def server_down(run: Run, kills: int) -> list[str]:
    """Let the server refuse every connection for a while."""
    from campaigns import lifecycle

    run.reach(0.3)
    run.server.change(rules=["connect drop", "mail drop"])
    rig.wait(lambda: run.now().status == "paused", 120)
    status = run.now().status
    tried = run.campaign.tries.count()
    run.server.change(rules=[])
    if status == "paused":
        print(f"    paused after {tried} tries: {run.now().history.first().why[:90]}…")
        lifecycle.fire(run.now(), "resume")
    run.finish()
    return run.verdict(2 * CONNECTIONS)


def silence(run: Run, kills: int) -> list[str]:
    """Answer after 40 seconds: nobody waits with them, and the cluster does not count as hanging."""
    run.server.change(rules=["dot p=0.002 delay 40", "dot delay 0.01"])
    # a connection that waits is open: each message costs 0.002 · 40 s of one, and no sender can be quicker than that
    least = run.recipients * (0.002 * 40 + 0.01) / CONNECTIONS
    run.finish(60 + 1.5 * least)
    campaign = run.now()
    took = (campaign.finished_at - campaign.prepared_at).total_seconds()
    print(
        f"    {took:.0f} s, of which {least + 40:.0f} s cannot be less: waiting connections count as open ones"
    )
    killed = run.product.log.count("it is killed")
    return ([f"the cluster was killed {killed} times"] if killed else []) + run.verdict(0)


def throttling(run: Run, kills: int) -> list[str]:
    """Put three of ten messages off with 451."""
    run.server.change(rules=["dot p=0.3 451 4.3.0 Try again later"])
    run.finish()
    return run.verdict(0)


def pausing(run: Run, kills: int) -> list[str]:
    """Pause and resume: after the pause has answered no message is accepted but those on their way."""
    from campaigns import lifecycle

    wrong = []
    for number in range(kills):
        run.reach((number + 0.5) / (kills + 1))
        lifecycle.fire(run.now(), "pause")
        before = run.count_accepted()
        time.sleep(2)
        late = run.count_accepted() - before
        counts = run.counts()
        print(
            f"    {late} messages were on their way; accepted {run.count_accepted()}, the ledger {counts['accepted']}"
        )
        if late > CONNECTIONS or counts["accepted"] != run.count_accepted():
            wrong.append(f"{late} after the pause, {run.count_accepted()} accepted, {counts}")
        lifecycle.fire(run.now(), "resume")
    run.finish()
    return wrong + run.verdict(0)


def unsubscribing(run: Run, kills: int) -> list[str]:
    """People unsubscribe while the campaign runs: from then on nothing goes to them."""
    from mailing import unsubscribing, visitors
    from mailing.models import Delivery
    from mailing.sending import tokens

    run.reach(0.2)
    waiting = run.campaign.deliveries.exclude(status__in=[Delivery.Status.ACCEPTED, Delivery.Status.IN_DATA])
    late = []
    for pk in random.sample(list(waiting.values_list("pk", flat=True)), 50):
        email = unsubscribing.unsubscribe(
            tokens.sign_token(pk, tokens.Purpose.UNSUBSCRIBE), "one-click", visitors.Visitor()
        ).email
        got = {message.recipient for message in run.server.list_accepted()}
        if email not in got and Delivery.objects.get(pk=pk).status not in ("in_data", "accepted"):
            late.append(email)
    run.finish()
    got = {message.recipient for message in run.server.list_accepted()}
    mailed = [email for email in late if email in got]
    print(f"    {len(late)} unsubscribed before their mail, {len(mailed)} got it all the same")
    return ([f"mailed although unsubscribed: {mailed}"] if mailed else []) + run.verdict(0)


FAULTS: dict[str, Callable[[Run, int], list[str]]] = {
    "workers": kill_workers,
    "helpers": kill_helpers,
    "cluster": kill_cluster,
    "backends": kill_backend,
    "postgres": restart_postgres,
    "sigterm": terminate,
    "server": server_down,
    "silence": silence,
    "throttling": throttling,
    "pause": pausing,
    "unsubscribe": unsubscribing,
}


def main() -> None:
    """Run each fault once and exit with 1 when one of them lost or doubled a mail."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=4000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--only", choices=FAULTS, action="append")
    options = parser.parse_args()
    wrong = []
    for name in options.only or FAULTS:
        print(f"{name}: {FAULTS[name].__doc__}")
        wrong += [f"{name}: {each}" for each in trial(FAULTS[name], options)]
    for each in wrong:
        print(f"WRONG  {each}")
    sys.exit(bool(wrong))


def trial(fault: Callable[[Run, int], list[str]], options: argparse.Namespace) -> list[str]:
    """Run one fault against a product of its own; return what went wrong, in sentences."""
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as logs,
        rig.server(Path(logs)) as postgres,
        rig.database("fanfare_faults_mail"),
        hostile_process("--rule", "dot delay 0.01") as (port, server),
        rig.product("mail", "clock", "clock-2", logs=Path(logs)) as product,
    ):
        run = Run(options.recipients, port, server, product, postgres)
        server.change(rules=["dot delay 0.01"])
        wrong = fault(run, options.kills)
        print(f"    in {time.monotonic() - begun:.0f} s")
        return wrong


if __name__ == "__main__":
    main()
