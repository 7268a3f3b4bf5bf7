"""The command that brings the files of translations up to date."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns import text_extraction
from campaigns.annotations import Argument


class Command(BaseCommand):
    help = "Extract the texts to translate into locale/, those of all areas or of those that are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("areas", nargs="*", help=", ".join(text_extraction.AREAS))

    def handle(self, *args: Argument, **options: Argument) -> None:
        areas = options["areas"] or list(text_extraction.AREAS)
        missing = text_extraction.update_catalogues(settings.BASE_DIR / "locale", areas)
        for (language, area), count in missing.items():
            self.stdout.write(f"{language} {area}: {count} to translate")
