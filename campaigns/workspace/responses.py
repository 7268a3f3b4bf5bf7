"""Answers with CSV files."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from threading import BoundedSemaphore
from typing import IO

from django.http import FileResponse, HttpResponse
from django.template.loader import get_template
from django.utils.translation import gettext

from campaigns.waits import limit_waits

EXPORT_WAIT_SECONDS = 60.0  # seconds for each statement of an export, which may go through millions of rows
IN_MEMORY = 1024 * 1024  # bytes; an export that is longer is kept in a file
MOST_LONG = 2  # such exports of one process at once; it has more threads, and the others answer pages
RETRY_SECONDS = 30
_turns = BoundedSemaphore(MOST_LONG)


class TooManyExports(Exception):
    """As many long exports are being made as may be at once."""


def csv_response(lines: Iterable[str], name: str) -> FileResponse | HttpResponse:
    """Answer with `lines` of CSV as a file called `name`, however many lines there are.

    A page says so, with the status 503, while as many long exports are being made as may be at once.

    Its headings and words are those of the page that it is asked from: people open such files in a spreadsheet. Numbers
    have a decimal point and no other signs, and times are written as ISO 8601 says, in every language: programs read
    them. What our own import reads again it knows in all languages (mailing.importing.headings).

    All of it is written before the first byte is sent: a slow reader holds no cursor of the database open, and an error
    on the way is an error page instead of half a file.
    """
    try:
        with limit_waits(each=EXPORT_WAIT_SECONDS):
            spool = write_spool(lines)
    except TooManyExports:
        return ask_for_patience()
    size = spool.tell()
    spool.seek(0)
    response = FileResponse(spool, content_type="text/csv; charset=utf-8", as_attachment=True, filename=name)
    response["Content-Length"] = size
    return response


def ask_for_patience() -> HttpResponse:
    """Return the page that says that large exports are being made already."""
    said = {
        "title": gettext("Other large exports are being made"),
        "sentence": gettext(
            "Start this one again when they are done: a large export takes up to some minutes."
        ),
    }
    return HttpResponse(
        get_template("_failure.html").render(said), status=503, headers={"Retry-After": f"{RETRY_SECONDS}"}
    )


@contextmanager
def take_turn() -> Iterator[None]:
    """Be one of the long exports of this process.

    Raises:
        TooManyExports: there are as many as may be at once.
    """
    if not _turns.acquire(blocking=False):
        raise TooManyExports
    try:
        yield
    finally:
        _turns.release()


def write_spool(lines: Iterable[str]) -> IO[bytes]:
    """Write `lines` into memory, or into a file without a name when they become long.

    Raises:
        TooManyExports: they are long, and so are others that are being written.
    """
    spool: IO[bytes] = io.BytesIO()
    with ExitStack() as turn, ExitStack() as unfinished:
        for line in lines:
            spool.write(line.encode())
            if isinstance(spool, io.BytesIO) and spool.tell() > IN_MEMORY:
                turn.enter_context(take_turn())
                in_memory = spool.getvalue()
                spool = unfinished.enter_context(tempfile.TemporaryFile())
                spool.write(in_memory)
        unfinished.pop_all()  # the response closes it
    return spool
