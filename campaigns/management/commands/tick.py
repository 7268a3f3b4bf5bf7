from django.core.management.base import BaseCommand

from campaigns import clock
from campaigns.annotations import Argument


class Command(BaseCommand):
    help = "One beat of the clock: start, activate and expire what is due."

    def handle(self, *args: Argument, **options: Argument) -> None:
        clock.tick()
