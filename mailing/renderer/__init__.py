"""Previews, checks and compiles content in a process of its own, so that no content breaks a page or a sending run.

What people paste goes through parsers written in native code. A process is forked for each request and ends with it. So
a page never waits for a parser longer than a few seconds, and never crashes with one.

    render_preview(source, recipient)      as content.render_preview
    find_problems(source, samples, known)  as content.find_problems
    review_content(source, recipient)      as content.review_mail, with every link counted
    compile_content(source)                as content.compile
    make_messages(source, recipients, …)   compiled and rendered, for test mails
    prepare_picture(data)                  an uploaded picture, made fit for mails
    start()                                get ready before the first request

All raise ContentError; its kind RendererFailed means that the content used up its time or memory, or crashed a parser.
`prepare_picture` raises PictureRefused.

Each process that asks has its own renderer (`server`), started when it is first needed: a Python without Django,
database or secrets, which has imported the content package. It forks for each request, so no request waits for an
import. Both share a socket without a name, which nobody else can open. The renderer ends when that socket closes,
however its parent ended. Sending does not use the renderer: it splices content that was compiled here, within the
limits of `mailing.content`.
"""

from .client import (
    compile_content,
    find_problems,
    make_messages,
    prepare_picture,
    render_preview,
    review_content,
    start,
)
from .protocol import PictureRefused, ReadyPicture, RendererFailed

__all__ = [
    "PictureRefused",
    "ReadyPicture",
    "RendererFailed",
    "compile_content",
    "find_problems",
    "make_messages",
    "prepare_picture",
    "render_preview",
    "review_content",
    "start",
]
