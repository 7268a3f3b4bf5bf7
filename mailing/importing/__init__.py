"""Contacts from a CSV file: received, its columns chosen, tried, then taken in by COPY, in pieces.

A piece is judged and taken in one transaction that also writes how far the file has come: a process that dies, or a
file that is started twice, takes no row twice and leaves none out. No import brings a suppressed address back, nor
somebody who left a list.

    receive(file) -> ContactImport                    keep the file and guess what each column is
    choose(upload, columns, list, new_list)           say what each column is; tries it: every row judged, none taken
    start(upload)                                     take it in for real
    discard(upload)                                   forget it, as long as nothing was taken in
    run(upload_id, seconds) -> bool                   what the queue calls for both
    wake(now)                                         what the clock calls: an import whose process died goes on
    rejected(upload) -> lines of CSV                  the rows that were not taken, each with the reason
"""

from .columns import ATTRIBUTE_NAMED, FIELDS, LEFT_OUT, LIST, checked, guessed
from .files import UnreadableFile, examples, path_of
from .steps import STALLED, choose, discard, receive, rejected, run, start, wake

__all__ = [
    "ATTRIBUTE_NAMED",
    "FIELDS",
    "LEFT_OUT",
    "LIST",
    "STALLED",
    "UnreadableFile",
    "checked",
    "choose",
    "discard",
    "examples",
    "guessed",
    "path_of",
    "receive",
    "rejected",
    "run",
    "start",
    "wake",
]
