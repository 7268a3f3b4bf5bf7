from typing import Any

from django.core.management.base import BaseCommand

from campaigns import clock


class Command(BaseCommand):
    help = "One beat of the clock: start, activate and expire what is due."

    def handle(self, *args: Any, **options: Any) -> None:
        clock.tick()
