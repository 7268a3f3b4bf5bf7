"""The click map: the mail with the number of clicks beside each link.

The ledger knows the number of the clicked link, and an address has one number wherever it stands in the mail. So each
place of a link shows the clicks of all its places together, and the page says so.
"""

import html
import re

from django.utils.translation import gettext as _

from mailing import content, launch
from mailing.content import markup
from mailing.models import Contact, Content, EmailCampaign
from mailing.reports.answers import Answers

TOKEN = "map"  # stands where a mail has its signature: no link of a drawn mail leads anywhere
_click = re.compile(rf"/t/c/{TOKEN}/(\d+)\Z")
BADGE = (
    '<span style="display:inline-block;margin:0 3px;padding:1px 7px;border-radius:9px;background:{colour};'
    "color:#ffffff;font:bold 12px/17px Arial,sans-serif;letter-spacing:0;text-decoration:none;text-transform:none;"
    'white-space:nowrap;vertical-align:middle">{text}</span>'
)
COLOURS = ("#5b6676", "#0b3d78", "#8a4b00", "#a3182a")  # no clicks, few, some, many
SOME, MANY = 10, 30  # percent of all clicks


class NoMail(LookupError):
    """There is no mail to draw on; `str()` says why."""


def draw_click_map(campaign: EmailCampaign, answers: Answers, reader: Contact) -> str:
    """Return the campaign's mail as `reader` got it, without its addresses and with a badge at each tracked link.

    Raises:
        NoMail: the campaign has no content yet, or it cannot be shown.
    """
    frozen = Content.objects.filter(campaign=campaign).first()
    if frozen is None:
        raise NoMail(_("This campaign has not been launched: it has no mail yet."))
    try:
        mail = content.load(bytes(frozen.compiled)).preview(
            launch.build_reader(campaign, reader), content.Links("https://mail.invalid", TOKEN)
        )
    except content.ContentError as error:
        raise NoMail(_("The mail cannot be shown. %(error)s") % {"error": error}) from error
    return add_badges(mail.html, answers)


def add_badges(page: str, answers: Answers) -> str:
    """Return the page with a badge at the end of each tracked link, and no link that leads anywhere."""
    badges = {link.index: _write_badge(link.clicks, answers.clicks) for link in answers.links}
    out: list[str] = []
    waiting = ""
    for piece in markup.cut_pieces(page):
        source = piece.source
        if piece.kind == "tag" and piece.name == "a" and not piece.hidden:
            out.append(waiting)  # an <a> inside an <a> ends it
            waiting = ""
        if piece.is_start and piece.name in ("a", "area") and not piece.hidden:
            number = _read_number(source)
            source = markup.with_attribute(source, "href", "#")
            waiting = badges.get(number, "") if piece.name == "a" and number is not None else ""
        out.append(source)
    return "".join([*out, waiting])


def _read_number(tag: str) -> int | None:
    """Return the number of the tracked link that a tag leads through; None for any other link."""
    found = _click.search(markup.unescape_value(markup.attributes(tag).get("href", "")))
    return int(found[1]) if found else None


def _write_badge(clicks: int, all_clicks: int) -> str:
    percent = 100 * clicks / all_clicks if all_clicks else 0.0
    place = 0 if not clicks else 1 if percent < SOME else 2 if percent < MANY else 3
    text = f"{clicks:,} · {percent:.1f}%" if clicks else "0"
    return BADGE.format(colour=COLOURS[place], text=html.escape(text))
