"""What reaches the log."""

import logging
import re

SERVER_ERROR = 500
_TOKEN = re.compile(r"[A-Za-z0-9_=-]{20,}")


class DropTraceback(logging.Filter):
    """Keeps one line of a request that was refused: else strangers could fill the disk with tracebacks.

    Django adds a traceback to each request whose body cannot be read. An error of the server keeps its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, without the traceback where the answer was none of an error of ours."""
        if getattr(record, "status_code", SERVER_ERROR) < SERVER_ERROR:
            record.exc_info = record.exc_text = None
        return True


class HideTokens(logging.Filter):
    """Leaves the secrets of calendars, links in mails and new passwords out of the addresses that Django logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, with an ellipsis for whatever may be a secret."""
        if record.name.startswith("django.") and isinstance(record.args, tuple):
            record.args = tuple(
                _TOKEN.sub("…", each) if isinstance(each, str) and "/" in each else each
                for each in record.args
            )
        return True
