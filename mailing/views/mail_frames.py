"""Shows a mail in a frame of a page. In the frame no script runs, and pictures load only when somebody wants them."""

import re

from django.conf import settings
from django.http import HttpResponse

from mailing.sending import return_paths, tokens

POLICY = "default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'; sandbox"
PICTURES_WITHIN = "img-src data: cid:;"
REMOTE_PICTURES = "img-src data: cid: https: http:;"
NEW_TAB = " allow-popups allow-popups-to-escape-sandbox"
"""What a frame's sandbox must allow besides, so that its links open in a tab of their own."""

MASKED = "hidden"
"""What stands in place of a token."""

_openings = [re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE) for name in ("head", "html", "!doctype")]
# The first bytes of a token are those of a number that is never so large that they are not 0.
_may_be_tokens = [
    re.compile(r"(?=(AAAA[\w-]{28}))", re.ASCII),
    re.compile(r"(?=(AAAA[\w-]{20}))", re.ASCII),
    re.compile(r"(?=(000000[0-9a-f]{30}))", re.IGNORECASE),
]
_soft_break = re.compile(r"=\r?\n")  # of quoted-printable that was not decoded
_slash = r"(?:/|%2[Ff])"  # filters of mail write a link into an address of their own
_to_account = re.compile(rf"{_slash}password{_slash}reset{_slash}")
_of_an_account = re.compile(
    rf"({_to_account.pattern}[^/\s%]+{_slash}|/address/(?=[\w-]+:)|%2[Ff]address%2[Ff](?=[\w-]+(?::|%3[Aa])))"
    r"(?:[\w:-]|%3[Aa])+"
)
_target = re.compile(r"(<a\b[^<>]*?)\starget\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)


def answer_frame(
    body: str | bytes,
    content_type: str = "text/html; charset=utf-8",
    *,
    with_links: bool = False,
    with_pictures: bool = False,
    with_own_pictures: bool = False,
) -> HttpResponse:
    """Return the answer to the frame: scripts, forms, remote pictures and links out of it are refused by the browser.

    Args:
        with_links: links may be followed, each in a tab of its own.
        with_pictures: pictures of other servers are loaded.
        with_own_pictures: pictures of this site are loaded.
    """
    if with_links and isinstance(body, str) and content_type.startswith("text/html"):
        body = open_links_in_tabs(body)
    response = HttpResponse(body, content_type=content_type)
    policy = POLICY
    if with_pictures:
        policy = POLICY.replace(PICTURES_WITHIN, REMOTE_PICTURES)
    elif with_own_pictures:
        policy = POLICY.replace(PICTURES_WITHIN, f"img-src data: cid: {settings.PUBLIC_URL};")
    response["Content-Security-Policy"] = policy + NEW_TAB if with_links else policy
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "private, no-store"
    return response


def open_links_in_tabs(page: str) -> str:
    """Return the page with each link opening a new tab. The DOCTYPE stays first, since browsers draw the page by it."""
    page = _target.sub(r"\1", page)
    found = next(filter(None, (opening.search(page) for opening in _openings)), None)
    place = found.end() if found else 0
    return f'{page[:place]}<base target="_blank">{page[place:]}'


def holds_account_link(text: str) -> bool:
    """Return whether a text holds a link that sets a new password, at whatever host: PUBLIC_URL may have changed."""
    return bool(_to_account.search(_soft_break.sub("", text)))


def mask_tokens(text: str) -> str:
    """Return the text without the tokens in its links to this site, and without those that stand elsewhere.

    A subject for unsubscribing by mail holds one, as do a Message-ID and a return path. The token of an account or of
    an address is hidden whatever host stands before it, since it still opens them once PUBLIC_URL is another, and also
    where a line of the mail was broken within it.
    """
    text = _soft_break.sub("", text)
    ours = rf"({re.escape(settings.PUBLIC_URL)}/(?:t/o|t/c|u|p|address)/)"
    text = re.sub(rf"{ours}[\w:-]+", rf"\1{MASKED}", text)
    text = _of_an_account.sub(rf"\1{MASKED}", text)
    for word in {word for pattern in _may_be_tokens for word in pattern.findall(text)}:
        if tokens.is_signed(word) or return_paths.read_delivery_id(word.lower()) is not None:
            text = text.replace(word, MASKED)
    return text
