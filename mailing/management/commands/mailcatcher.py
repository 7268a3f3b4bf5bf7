import asyncio
import signal
import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns.annotations import Argument
from mailing import catcher


class Command(BaseCommand):
    help = (
        "The mail catcher: an SMTP server that keeps every message for the page /outbox/ and delivers none."
    )

    def handle(self, *args: Argument, **options: Argument) -> None:
        try:
            asyncio.run(self.serve())
        except OSError as error:
            sys.exit(f"The mail catcher cannot listen on port {settings.MAIL_PORT}: {error.strerror}.")

    async def serve(self) -> None:
        serving = asyncio.ensure_future(catcher.serve(settings.MAIL_PORT))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        try:
            await serving
        except asyncio.CancelledError:
            return
