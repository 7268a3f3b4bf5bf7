"""The WSGI entry points: `application` answers everything, `tills` answers tills and nobody else."""

import multiprocessing
import os
import signal

if multiprocessing.parent_process():
    # A worker of granian's has its parent's way with signals until all is loaded, and would lose the one to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

from mailing.middleware import TrackingGateway  # noqa: E402 (their views want Django set up)
from pos.api.middleware import Gateway  # noqa: E402

application = TrackingGateway(Gateway(django))
tills = Gateway()
