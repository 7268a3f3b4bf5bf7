import sys

from django.core.management.base import BaseCommand, CommandError

from campaigns import database_time, doctor, health
from campaigns.annotations import Argument
from campaigns.models import Heartbeat


class Command(BaseCommand):
    help = "Prove the invariants; exits 1 with one line for each breach."

    def handle(self, *args: Argument, **options: Argument) -> None:
        if problems := health.check_database():
            raise CommandError(problems[0])
        breaches = list(doctor.find_breaches())
        for breach in breaches:
            self.stdout.write(breach)
        if warning := database_time.warning():
            self.stderr.write(warning)
        for beat in Heartbeat.objects.silent():  # no figure is wrong: it is said, and breaks nothing
            self.stderr.write(beat.silence)
        if breaches:
            sys.exit(1)
        self.stdout.write("Every counter equals its ledger, and every campaign is where its history says.")
