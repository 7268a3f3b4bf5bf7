"""Answers with CSV files."""

import io
import tempfile
from collections.abc import Iterable
from typing import IO

from django.http import FileResponse

from campaigns.languages import use_site_language
from campaigns.waits import limit_waits

EXPORT_WAIT_SECONDS = 60.0  # seconds for each statement of an export, which may go through millions of rows
IN_MEMORY = 1024 * 1024  # bytes; an export that is longer is kept in a file


def csv_response(lines: Iterable[str], name: str) -> FileResponse:
    """Answer with `lines` of CSV as a file called `name`, however many lines there are, in the language of the site.

    Programs read such files: their words do not change with who asks for them.

    All of it is written before the first byte is sent: a slow reader holds no cursor of the database open, and an error
    on the way is an error page instead of half a file.
    """
    with limit_waits(each=EXPORT_WAIT_SECONDS), use_site_language():
        spool = write_spool(lines)
    size = spool.tell()
    spool.seek(0)
    response = FileResponse(spool, content_type="text/csv; charset=utf-8", as_attachment=True, filename=name)
    response["Content-Length"] = size
    return response


def write_spool(lines: Iterable[str]) -> IO[bytes]:
    """Write `lines` into memory, or into a file without a name when they become long."""
    spool: IO[bytes] = io.BytesIO()
    for line in lines:
        spool.write(line.encode())
        if isinstance(spool, io.BytesIO) and spool.tell() > IN_MEMORY:
            in_memory = spool.getvalue()
            spool = tempfile.TemporaryFile()  # noqa: SIM115 the response closes it
            spool.write(in_memory)
    return spool
