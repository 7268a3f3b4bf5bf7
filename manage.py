#!/usr/bin/env python
"""Django's command line for Fanfare."""

import os
import sys

from django.core.management import execute_from_command_line

from config.embedded_postgres import Unavailable
from config.environment import Unusable

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except (Unavailable, Unusable) as why:  # one sentence helps; where the settings stumbled does not
        sys.exit(str(why))
