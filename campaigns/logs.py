"""What reaches the log."""

import logging

SERVER_ERROR = 500


class DropTraceback(logging.Filter):
    """Keeps one line of a request that was refused: else strangers could fill the disk with tracebacks.

    Django adds a traceback to each request whose body cannot be read. An error of the server keeps its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, without the traceback where the answer was none of an error of ours."""
        if getattr(record, "status_code", SERVER_ERROR) < SERVER_ERROR:
            record.exc_info = record.exc_text = None
        return True
