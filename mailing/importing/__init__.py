"""Imports contacts, or addresses to suppress, from a CSV file: stores it, checks every row, then imports by COPY.

It works in pieces. One transaction judges and imports a piece and writes how far the file has come. So no row is
imported twice or left out when a process dies or a file is started twice. No import brings back a suppressed address or
somebody who left a list.

    receive_contacts(file) -> Upload                  keep a file of contacts and guess what each column is
    read_in_encoding(upload, encoding)                read a file of contacts in another encoding
    choose_columns(upload, columns, list, new_list)   say what each column is; checks every row and imports none
    receive_suppressions(file, reason) -> Upload      keep a file of addresses and check every row
    start(upload)                                     import what was checked
    stop(upload), resume(upload)                      imported rows stay; it goes on at the row it was at
    end(upload)                                       skip the rest of a stopped import
    discard(upload)                                   delete it, as long as no row was imported
    run(upload_id, seconds) -> bool                   what the queue calls
    queue_stalled(now)                                what the clock calls: an import whose process died goes on
    stored_verdicts.read_verdicts(upload)             what became of each row
    stored_verdicts.rejected_rows_csv(upload)         the rows that were not imported, as CSV

The modules in the order of the work: `encodings` and `files` read the file, `columns` guesses what each column is,
`rows` checks each cell and refuses rows, `batches` compares with what is stored and writes, `stored_verdicts` keeps the
verdict on each row. `steps` holds the functions above.
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
    choose_columns,
    discard,
    end,
    find_encoding,
    queue_stalled,
    read_in_encoding,
    receive_contacts,
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
    "choose_columns",
    "discard",
    "end",
    "find_column_problems",
    "find_encoding",
    "guess_columns",
    "label_of",
    "path_of",
    "queue_stalled",
    "read_examples",
    "read_in_encoding",
    "receive_contacts",
    "receive_suppressions",
    "resume",
    "run",
    "start",
    "stop",
    "stored_verdicts",
]
