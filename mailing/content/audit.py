"""What is wrong with the markup of a body, by the line its author wrote: links that lead nowhere, pictures without a
host, scripts and forms, which no mail client runs, and merge tags of other programs."""

import re
from collections.abc import Iterator

from . import foreign, markup
from .document import parse_markdown
from .held import Held
from .names import UNSUBSCRIBE
from .source import Source
from .urls import is_runnable, is_web

_SHOWN = 20  # faults of one kind that are named; more of them help nobody
_scheme = re.compile(r"[a-z][a-z0-9+-]*:", re.IGNORECASE).match
_web_scheme = re.compile(r"https?(?:[:/]|%3a)", re.IGNORECASE).match
_email = re.compile(r"[^\s/@:]+@[^\s/@:]+\.[a-z]{2,}\Z", re.IGNORECASE).match
_host = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?=[:/?#]|\Z)", re.IGNORECASE).match
_file = re.compile(r"\.(?:html?|php|aspx?|png|jpe?g|gif|pdf|svg|webp)(?=[?#]|\Z)", re.IGNORECASE).search
_UNLIKE_LINKS = frozenset(("link", "base", "use", "image"))
_DATA_SCRIPTS = ("application/ld+json", "application/json")


def find_faults(source: Source) -> Iterator[tuple[str, int, str]]:
    """Field, line and sentence, without its end, for each thing that is wrong with the markup."""
    for field in ("subject", "preheader", "from_name", "body", "text"):
        for change in foreign.find(getattr(source, field))[:_SHOWN]:
            yield field, change.line, foreign.describe(change)
    held = Held(source.body)
    text = held.liquid(source.body)
    counted: dict[str, int] = {}
    tags = _markdown_tags(text, held) if source.body_format == "markdown" else _tags(text, 0)
    for position, tag, name in tags:
        for kind, said in _faults_of(tag, name, held):
            counted[kind] = counted.get(kind, 0) + 1
            if counted[kind] <= _SHOWN:
                yield "body", held.restore(text[:position]).count("\n") + 1, said


def _tags(text: str, offset: int) -> Iterator[tuple[int, str, str]]:
    """Position, source and name of each start tag of a text."""
    position = offset
    for piece in markup.pieces(text):
        if piece.is_start:
            yield position, piece.source, piece.name
        position += len(piece.source)


def _markdown_tags(text: str, held: Held) -> Iterator[tuple[int, str, str]]:
    """The same of Markdown: its own links and pictures as the tags they become."""
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    for block in parse_markdown(text, held):
        begin, end = (starts[line] for line in block.map or (0, len(starts) - 1))
        for token in (block, *(block.children or ())):
            if token.type in ("html_block", "html_inline"):
                at = max(text.find(token.content, begin, end), begin)
                yield from _tags(token.content, at)
            elif token.type in ("link_open", "image"):
                name, attribute = ("a", "href") if token.type == "link_open" else ("img", "src")
                value = str(token.attrGet(attribute) or "")
                at = max(text.find(value, begin, end), begin)
                yield at, markup.with_attribute(f"<{name}>", attribute, value.replace("&", "&amp;")), name


def _faults_of(tag: str, name: str, held: Held) -> Iterator[tuple[str, str]]:
    """Kind and sentence for each thing that is wrong with one start tag."""
    attributes = markup.attributes(tag)
    if name == "script" and attributes.get("type", "").lower() not in _DATA_SCRIPTS:
        yield (
            "script",
            "no mail client runs a <script>; leave it out, and link to a page that does what it did",
        )
    if name == "form":
        yield "form", "mail clients do not send a <form>; link to a page with the form in its place"
    for attribute, value in attributes.items():
        if attribute.startswith("on") and value and name.isalnum():
            yield "script", f"no mail client runs {attribute}= of <{name}>; leave it out"
    if "href" in attributes and name not in _UNLIKE_LINKS:
        said = _fault_of_link(_written(attributes["href"], held), _starts_as_value(attributes["href"], held))
        if said:
            yield "link", said
    for attribute in ("src", "background"):
        if attribute == "src" and name not in ("img", "mj-image", "v:fill", "v:imagedata", "source", "input"):
            continue
        if attribute in attributes or (name == "img" and attribute == "src"):
            value = attributes.get(attribute, "")
            said = _fault_of_picture(_written(value, held), _starts_as_value(value, held))
            if said:
                yield "picture", said


def _written(value: str, held: Held) -> str:
    return held.restore(markup.unescape_value(value)).strip()


def _starts_as_value(value: str, held: Held) -> bool:
    """Does an address begin with a recipient's value?"""
    found = held.mark.match(value.strip())
    return found is not None


def _fault_of_link(url: str, is_value: bool) -> str:
    if not url or url[0] == "#" or is_value or foreign.find(url):
        return ""
    if is_runnable(url) and not _is_app(url):
        return f"the link “{_short(url)}” runs nothing in an e-mail; link to a page, as https://…"
    if _email(url):
        return f"the link “{_short(url)}” is an e-mail address; write mailto:{url}"
    if UNSUBSCRIBE in url or is_web(url):
        return ""
    if _web_scheme(url):
        return f"the link “{_short(url)}” has no host; write https:// and the whole address"
    if _scheme(url):
        return ""
    whole = f"https://{url}" if _host(url) and not _file(url.partition("/")[0]) else "https://…"
    whole = f"https:{url}" if url.startswith("//") else whole
    return (
        f"the link “{_short(url)}” has no scheme, and an e-mail has no page it could be relative to; "
        f"write {_short(whole)}"
    )


def _fault_of_picture(url: str, is_value: bool) -> str:
    if is_value or is_web(url) or foreign.find(url):
        return ""
    if not url:
        return 'a picture has no address; write src="https://…"'
    if url.lower().startswith("data:image/"):
        return ""
    if url.startswith("//"):
        return f"the picture “{_short(url)}” has no scheme; write https:{_short(url)}"
    if url.lower().startswith(("cid:", "file:", "blob:")):
        return (
            f"the picture “{_short(url)}” is on no server; put it on one and write its address, as https://…"
        )
    return f"the picture “{_short(url)}” has no host; write its whole address, as https://…"


def _is_app(url: str) -> bool:
    """Is it an address that another program than a browser opens (webcal:, whatsapp:)?"""
    return not re.match(
        r"[\s\x00-\x20]*(?:j\s*a\s*v\s*a|v\s*b|data|file|about|blob|view-source)", url, re.IGNORECASE
    )


def _short(url: str) -> str:
    url = " ".join(url.split())
    return url if len(url) <= 80 else f"{url[:79]}…"
