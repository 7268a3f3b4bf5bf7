"""The command that draws the icons anew."""

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns.annotations import Argument
from campaigns.icons import draw_sprite


class Command(BaseCommand):
    help = "Draw static/icons.svg anew, from the installed package @tabler/icons."

    def handle(self, *args: Argument, **options: Argument) -> None:
        sprite = draw_sprite(settings.NODE_MODULES / "@tabler" / "icons")
        (settings.BASE_DIR / "static" / "icons.svg").write_text(sprite)
