import sys

from django.core.management.base import BaseCommand

from campaigns.annotations import Argument
from mailing import secrets


class Command(BaseCommand):
    help = "Encrypt every stored secret with the first of ENCRYPTION_KEYS; exits 1 with a line for each it cannot read."

    def handle(self, *args: Argument, **options: Argument) -> None:
        unreadable = list(secrets.reencrypt_secrets())
        for sentence in unreadable:
            self.stderr.write(sentence)
        if unreadable:
            sys.exit(1)
        self.stdout.write("Every stored secret is encrypted with the first key: the others may go.")
