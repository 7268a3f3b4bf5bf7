"""Contacts, or addresses to suppress, from a CSV file: received, tried, then taken in by COPY, in pieces.

A piece is judged and taken in one transaction that also writes how far the file has come: a process that dies, or a
file that is started twice, takes no row twice and leaves none out. No import brings a suppressed address back, nor
somebody who left a list.

    receive(file) -> Upload                           keep a file of contacts and guess what each column is
    read_again(upload, encoding)                      read a file of contacts in another encoding
    choose(upload, columns, list, new_list)           say what each column is; tries it: every row judged, none taken
    receive_suppressions(file, reason) -> Upload      keep a file of addresses and try it
    start(upload)                                     take it in for real
    stop(upload), resume(upload)                      what was taken in stays; it goes on at the row it was at
    end(upload)                                       leave the rest of a stopped one
    discard(upload)                                   forget it, as long as nothing was taken in
    run(upload_id, seconds) -> bool                   what the queue calls
    queue_stalled(now)                                what the clock calls: an import whose process died goes on
    stored_verdicts.read_verdicts(upload)             what became of each row
    stored_verdicts.rejected_rows_csv(upload)         the rows that were not taken, as CSV
"""

from . import stored_verdicts
from .columns import (
    ATTRIBUTE_NAMED,
    CONSENT,
    FIELDS,
    LEFT_OUT,
    LIST,
    RESERVED,
    find_column_problems,
    guess_columns,
    label_of,
)
from .encodings import ENCODINGS
from .files import UnreadableFile, path_of, read_examples
from .steps import (
    STALLED_AFTER,
    choose,
    discard,
    end,
    find_encoding,
    queue_stalled,
    read_again,
    receive,
    receive_suppressions,
    resume,
    run,
    start,
    stop,
)

__all__ = [
    "ATTRIBUTE_NAMED",
    "CONSENT",
    "ENCODINGS",
    "FIELDS",
    "LEFT_OUT",
    "LIST",
    "RESERVED",
    "STALLED_AFTER",
    "UnreadableFile",
    "choose",
    "discard",
    "end",
    "find_column_problems",
    "find_encoding",
    "guess_columns",
    "label_of",
    "path_of",
    "queue_stalled",
    "read_again",
    "read_examples",
    "receive",
    "receive_suppressions",
    "resume",
    "run",
    "start",
    "stop",
    "stored_verdicts",
]
