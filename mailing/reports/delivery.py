"""How a campaign was delivered: the funnel from targeted to clicked, and the answers of mail servers."""

from collections import Counter

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.workspace.plots import DrawnRow, draw_rows
from mailing.models import EmailCampaign
from mailing.reports.counting import Replies
from mailing.reports.figures import Figure

CODES_SHOWN = 8
NO_ANSWER = gettext_lazy("No answer")
OTHER_CODES = gettext_lazy("Others")
IN_FUNNEL = ("recipients", "sent", "delivered", "opened", "clicked")


class MatrixRow(msgspec.Struct, frozen=True):
    """The recipients of one domain, by the columns of the matrix; `domain` "": all smaller domains."""

    domain: str
    label: str
    total: int
    cells: list[tuple[str, int]]  # the code that a search takes, "" for several, and how many


class Matrix(msgspec.Struct, frozen=True):
    """Recipient domains, the largest first, by the code of each one's last answer."""

    columns: list[str]
    rows: list[MatrixRow]


def build_matrix(replies: list[Replies], domains: int) -> Matrix:
    """Return the matrix of these replies; `domains` is how many domains there are."""
    by_code: Counter[int | None] = Counter()
    by_domain: Counter[str] = Counter()
    amounts: Counter[tuple[str, int | None]] = Counter()
    for each in replies:
        by_code[each.code] += each.amount
        by_domain[each.domain] += each.amount
        amounts[each.domain, each.code] += each.amount
    answered = sorted((code for code in by_code if code is not None), key=lambda code: (-by_code[code], code))
    shown = sorted(answered[:CODES_SHOWN])
    others = answered[CODES_SHOWN:]
    named = sorted((each for each in by_domain if each), key=lambda each: (-by_domain[each], each))
    rows = []
    for domain in [*named, *([""] if "" in by_domain else [])]:
        cells = [(str(code), amounts[domain, code]) for code in shown]
        if others:
            cells.append(("", sum(amounts[domain, code] for code in others)))
        if None in by_code:
            cells.append(("none", amounts[domain, None]))
        label = domain or _("%(domains)s smaller domains") % {"domains": f"{domains - len(named):,}"}
        rows.append(MatrixRow(domain, label, by_domain[domain], cells))
    columns = [str(code) for code in shown]
    columns += [str(OTHER_CODES)] if others else []
    columns += [str(NO_ANSWER)] if None in by_code else []
    return Matrix(columns, rows)


def list_codes(replies: list[Replies]) -> list[str]:
    """Return the codes that recipients can be searched by."""
    return [str(code) for code in sorted({each.code for each in replies if each.code is not None})]


def build_funnel(campaign: EmailCampaign, figures: list[Figure]) -> list[DrawnRow]:
    """Draw how many were targeted, and how many reached each later step. A step that nobody can know is left out."""
    named = campaign.funnel.get("named")
    targeted = campaign.total if named is None else named - campaign.funnel.get("duplicates", 0)
    steps = [(_("Targeted"), targeted)]
    by_key = {figure.key: figure for figure in figures}
    for key in IN_FUNNEL:
        figure = by_key[key]
        if figure.amount is not None:
            steps.append((figure.label, figure.amount))
    return draw_rows(max(targeted, campaign.total), steps)
