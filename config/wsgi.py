"""The WSGI entry point that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

from pos.middleware import Gateway  # noqa: E402 (its views want Django set up)

application = Gateway(django)
