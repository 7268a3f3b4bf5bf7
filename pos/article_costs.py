"""What articles cost, by CSV: compared with what is known first, and taken in when somebody has seen the result."""

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal, DecimalException
from io import StringIO
from typing import NamedTuple

from babel.numbers import get_currency_precision, is_currency
from django.conf import settings
from django.core import signing
from django.utils.translation import gettext

from campaigns import database_time
from campaigns.annotations import Columns
from campaigns.formats import thousands
from campaigns.typed_numbers import describe_ambiguity, is_ambiguous
from pos.models import ArticleCost

MOST_ROWS = 50_000
LONGEST_SKU = 64
MOST_COST = Decimal(10) ** 12  # minor units
GOOD_FOR = 3600  # seconds that the result of a check can be taken in
# with the time by the database: a signature with a time of Django's own ends by the clock of the machine
SIGNER = signing.Signer(salt="costs of articles")
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "sku": ("sku", "article", "article number", "artikel", "artikelnummer", "référence"),
    "cost": ("cost", "cost price", "purchase price", "kosten", "einkaufspreis", "ek", "coût", "prix d’achat"),
    "currency": ("currency", "währung", "devise"),
}


class UnreadableCosts(ValueError):
    """The file cannot be read; `str()` is a sentence."""


class WrongRow(NamedTuple):
    """A row that is left out. line: its place in the file, from 1."""

    line: int
    text: str
    reason: str


class Check(NamedTuple):
    """What a file would do. costs: minor units of one unit, by SKU and currency."""

    costs: dict[tuple[str, str], Decimal]
    added: int
    changed: int
    same: int
    wrong: list[WrongRow]


def check_file(raw: bytes) -> Check:
    """Read a file of costs and compare it with what is known; nothing is stored.

    Raises:
        UnreadableCosts: it is no CSV, or lacks a column.
    """
    costs: dict[tuple[str, str], Decimal] = {}
    wrong: list[WrongRow] = []
    for line, row in _read_rows(_decode(raw)):
        try:
            key, cost = _read_cost(row)
            if costs.setdefault(key, cost) != cost:
                raise ValueError(gettext("The article stands above with another cost."))
        except ValueError as error:
            wrong.append(WrongRow(line, ", ".join(filter(None, row.values())), str(error)))
    known = {(sku, currency): cost for sku, currency, cost in _list_known(costs)}
    same = sum(known.get(key) == cost for key, cost in costs.items())
    return Check(costs, len(costs) - len(known), len(known) - same, same, wrong)


def _list_known(costs: Mapping[tuple[str, str], Decimal]) -> Iterator[tuple[str, str, Decimal]]:
    stored = ArticleCost.objects.filter(sku__in={sku for sku, _ in costs})
    for row in stored.values_list("sku", "currency", "cost"):
        if row[:2] in costs:
            yield row


def _decode(raw: bytes) -> str:
    if b"\0" in raw:
        raise UnreadableCosts(
            gettext("The file is no text: save the table as “CSV UTF-8” and choose that file.")
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _read_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with its line, by our names of the columns."""
    heading = text.partition("\n")[0]
    separator = max(";,\t", key=heading.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    try:
        titles = [title.strip().casefold() for title in next(reader, [])]
        places = {
            name: next((titles.index(title) for title in known if title in titles), None)
            for name, known in HEADINGS.items()
        }
        for name, known in HEADINGS.items():
            if sum(title in known for title in titles) > 1:
                raise UnreadableCosts(
                    gettext("Its first line names more than one column “%(name)s”: leave one.")
                    % {"name": name}
                )
        for name in ("sku", "cost"):
            if places[name] is None:
                raise UnreadableCosts(gettext("Its first line names no column “%(name)s”.") % {"name": name})
        for count, row in enumerate(reader, start=1):
            if count > MOST_ROWS:
                raise UnreadableCosts(
                    gettext("It has more than %(count)s rows: divide it.") % {"count": thousands(MOST_ROWS)}
                )
            if any(cell.strip() for cell in row):
                yield (
                    reader.line_num,
                    {
                        name: row[place].strip() if place is not None and place < len(row) else ""
                        for name, place in places.items()
                    },
                )
    except csv.Error as error:
        raise UnreadableCosts(
            gettext("Line %(number)s cannot be read: %(error)s.")
            % {"number": reader.line_num, "error": error}
        ) from error


def _read_cost(row: Mapping[str, str]) -> tuple[tuple[str, str], Decimal]:
    sku, currency = row["sku"], row["currency"].upper() or settings.CURRENCY
    if not sku or len(sku) > LONGEST_SKU or not sku.isprintable():
        raise ValueError(gettext("An SKU has 1 to %(most)s letters.") % {"most": LONGEST_SKU})
    if not is_currency(currency):
        said = gettext("“%(currency)s” is not a currency: write its three letters, such as EUR.")
        raise ValueError(said % {"currency": row["currency"]})
    if is_ambiguous(row["cost"]):
        raise ValueError(gettext("Cost: %(sentence)s") % {"sentence": describe_ambiguity(row["cost"])})
    text = row["cost"].replace(",", ".", 1) if "." not in row["cost"] else row["cost"]
    try:
        cost = Decimal(text).scaleb(get_currency_precision(currency))
    except DecimalException as error:  # no number, or one that overflows
        raise ValueError(gettext("The cost is no number: write one such as 2.40.")) from error
    if not cost.is_finite() or not 0 <= cost < MOST_COST:
        raise ValueError(gettext("The cost is negative or too large."))
    return (sku, currency), cost.quantize(Decimal("0.0001"))


def sign_costs(check: Check) -> str:
    """Write the costs of a check so that they come back unchanged when somebody takes them in."""
    rows = [[sku, currency, str(cost)] for (sku, currency), cost in check.costs.items()]
    return SIGNER.sign_object(
        {"until": database_time.now().timestamp() + GOOD_FOR, "rows": rows}, compress=True
    )


def take_costs(signed: str) -> int:
    """Store the costs of a check that somebody has seen; return how many.

    Raises:
        UnreadableCosts: they are too old, or not as they were checked.
    """
    try:
        checked = SIGNER.unsign_object(signed)
    except signing.BadSignature:
        checked = None
    if checked is None or checked["until"] < database_time.now().timestamp():
        raise UnreadableCosts(gettext("The check is more than an hour old: upload the file again."))
    fields: list[Columns] = [
        {"sku": sku, "currency": currency, "cost": Decimal(cost)} for sku, currency, cost in checked["rows"]
    ]
    ArticleCost.objects.bulk_create(
        [ArticleCost(**each) for each in fields],
        batch_size=5000,
        update_conflicts=True,
        unique_fields=["sku", "currency"],
        update_fields=["cost", "updated_at"],
    )
    return len(fields)
