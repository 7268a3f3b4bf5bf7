from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns import diagrams
from campaigns.annotations import Argument


class Command(BaseCommand):
    help = "Draw the lifecycles in docs/lifecycles.md anew, from the transitions that the models declare."

    def handle(self, *args: Argument, **options: Argument) -> None:
        page = settings.BASE_DIR / "docs" / "lifecycles.md"
        page.write_text(diagrams.draw_into(page.read_text()))
