"""The mail catcher: an SMTP server for development that delivers nothing and keeps everything under var/outbox/.

    serve(port)             the server, until it is cancelled
    list_messages(...)      a page of what was caught, the newest first
    read_message(id)        one of them, opened
    delete_all()            delete all messages

Each message is one file, named so that the names sort by time; its envelope stands in two header lines at its top.
"""

from mailing.catcher.outbox import (
    CaughtMail,
    CaughtMessage,
    MailNotCaught,
    count_messages,
    delete_all,
    list_messages,
    read_message,
)
from mailing.catcher.server import serve

__all__ = [
    "CaughtMail",
    "CaughtMessage",
    "MailNotCaught",
    "count_messages",
    "delete_all",
    "list_messages",
    "read_message",
    "serve",
]
