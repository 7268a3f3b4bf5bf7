"""Contacts, or addresses to suppress, from a CSV file: received, tried, then taken in by COPY, in pieces.

A piece is judged and taken in one transaction that also writes how far the file has come: a process that dies, or a
file that is started twice, takes no row twice and leaves none out. No import brings a suppressed address back, nor
somebody who left a list.

    receive(file) -> Upload                           keep a file of contacts and guess what each column is
    choose(upload, columns, list, new_list)           say what each column is; tries it: every row judged, none taken
    receive_suppressions(file, reason) -> Upload      keep a file of addresses and try it
    start(upload)                                     take it in for real
    stop(upload), resume(upload)                      what was taken in stays; it goes on at the row it was at
    end(upload)                                       leave the rest of a stopped one
    discard(upload)                                   forget it, as long as nothing was taken in
    run(upload_id, seconds) -> bool                   what the queue calls
    wake(now)                                         what the clock calls: an import whose process died goes on
    verdicts.read(upload), verdicts.rejected(upload)  what became of each row; those not taken as CSV
"""

from . import verdicts
from .columns import ATTRIBUTE_NAMED, CONSENT, FIELDS, LEFT_OUT, LIST, RESERVED, checked, guessed, label
from .files import UnreadableFile, examples, path_of
from .steps import (
    STALLED,
    choose,
    discard,
    end,
    receive,
    receive_suppressions,
    resume,
    run,
    start,
    stop,
    wake,
)

__all__ = [
    "ATTRIBUTE_NAMED",
    "CONSENT",
    "FIELDS",
    "LEFT_OUT",
    "LIST",
    "RESERVED",
    "STALLED",
    "UnreadableFile",
    "checked",
    "choose",
    "discard",
    "end",
    "examples",
    "guessed",
    "label",
    "path_of",
    "receive",
    "receive_suppressions",
    "resume",
    "run",
    "start",
    "stop",
    "verdicts",
    "wake",
]
