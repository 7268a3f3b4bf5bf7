"""Content shown, checked and compiled in a process of its own, so that none can take a web worker or a pump with it.

What people paste goes through parsers written in native code. A page never waits for one longer than a few seconds and
never falls over with one: each request is answered by a process that is forked for it and ends with it.

    render_preview(source, recipient)      as content.render_preview
    find_problems(source, samples, known)  as content.find_problems
    review_content(source, recipient)      as content.review_mail, with every link counted
    compile_content(source)                as content.compile
    make_messages(source, recipients, …)   compiled and rendered, for test mails
    start()                                get ready before the first request

All raise ContentError, RendererFailed among them: the content used up its time or memory, or fell over.

How it works. Each process that asks has a renderer of its own (`server`), started when it is first needed: a Python
without Django, database or secrets, which has read the content package once. It forks for each request, so none waits
for an import. They share a socket without a name, which nobody else can open. The renderer ends when that socket
closes, however its parent ended. The sending of a campaign does not come here: it splices content that was compiled
here, within the limits of `mailing.content`.
"""

from .client import compile_content, find_problems, make_messages, render_preview, review_content, start
from .protocol import RendererFailed

__all__ = [
    "RendererFailed",
    "compile_content",
    "find_problems",
    "make_messages",
    "render_preview",
    "review_content",
    "start",
]
