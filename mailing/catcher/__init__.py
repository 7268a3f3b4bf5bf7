"""The mail catcher: an SMTP server for development that delivers nothing and keeps everything under var/outbox/.

    serve(port)             the server, until it is cancelled
    messages(...)           a page of what was caught, the newest first
    message(id)             one of them, opened
    clear()                 throw all of it away

Each message is one file, named so that the names sort by time; its envelope stands in two header lines at its top.
"""

from mailing.catcher.outbox import Caught, NotCaught, Opened, clear, count, message, messages
from mailing.catcher.server import serve

__all__ = ["Caught", "NotCaught", "Opened", "clear", "count", "message", "messages", "serve"]
