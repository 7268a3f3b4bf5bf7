from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns import diagrams


class Command(BaseCommand):
    help = "Draw the lifecycles in docs/lifecycles.md anew, from the transitions that the models declare."

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "lifecycles.md"
        page.write_text(diagrams.draw_into(page.read_text()))
