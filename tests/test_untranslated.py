"""No page shows a text that is in no catalogue: a walk over all pages in a language whose every text bears signs.

In that language a text of the catalogues is ⟦Save⟧. What a page shows without such signs must be data of the rows, or
one of the words that are the same in every language.
"""

import ast
import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel import Locale
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils import translation
from django.utils.translation import trans_real

from campaigns import stored_sentences, zones
from mailing.countries import name_country
from mailing.languages import list_languages
from tests.factories import EmailCampaignFactory, UserFactory
from tests.hostile_input import World, list_routes

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

# the same in every language
NAMES = """
    Amazon API Brevo CSV DKIM DMARC Deutsch English EUR Fanfare Français Gmail HTML IMAP JSON KB MB MJML Mailgun Mailjet
    Markdown Microsoft OAuth OpenAPI POP3 Postmark Resend SES SKU SMTP SPF STARTTLS SendGrid SparkPost TLS URL UTC UTF
    Webhook email
""".split()
KEPT = re.compile(
    r"https?://\S+|[\w.+-]+@[\w.-]+|[\w-]+\.(?:com|test|org|example|json|csv|md|html)\b"
    r"|utm_\w+(?:=[^,]*)?|\b[a-z]+_[a-z_]+\b|\b[A-Z0-9]{8,}\b"  # of links, attributes and codes
    rf"|\b(?:{'|'.join(NAMES)})\b"
)
# texts that pages still show; it shrinks to nothing
NOT_YET = frozenset(Path(__file__).with_name("untranslated.txt").read_text().splitlines())
HIDDEN = frozenset({"script", "style", "template", "noscript", "code", "pre", "kbd", "datalist"})
SHOWN_ATTRIBUTES = ("title", "placeholder", "aria-label", "alt", "data-label", "data-announce", "label")
# addresses that answer for machines, in the words of a mail, or with the guide, whose pages are files in each language
OTHERS = re.compile(
    r"/(guide|preview|caught|feed|openapi|healthz|readyz|u|c|o|preferences|address|mails)/|\.(json|ics|eml)"
)
# fields that offer the places, languages and currencies of the world, whose names are in no catalogue of ours
WORLD = re.compile("time_zone|zone|language|country|currency")
# files in which names of our own columns stand, the same as in JSON: all that is kept of a person
OF_A_PERSON = re.compile(r"/contacts/\d+/data\.csv")
# what says a sentence to people: its words come from gettext, or from a text that `keep` and `mark` leave to be found
SAYS = frozenset(
    """
    Refused RequestRefused ValidationError SourceFailed SourceRefused MailboxTest ConnectionTest UnreadableFile
    UnreadableCosts ConnectFailed SecretUnreadable OddRow
    """.split()
)
# a value in a template that is a sentence, and may be a stored one
is_sentence_unread = re.compile(
    r"\{\{ (?:error|errors\.0|message|refused|sentence|\w+\.(?:sentence|trouble|why)) \}\}"
).search
VOID = frozenset("input br img meta link hr use path rect col source wbr circle line".split())
# what browsers read as numbers; into a text people type a comma
list_comma_numbers = re.compile(
    r"<(?:rect|line|circle|svg|progress|meter|input(?![^>]*inputmode=\"decimal\"))\b[^>]*?"
    r" (?:x|y|width|height|r|value|max|min|step)=\"-?\d+,\d[^\"]*\""
).findall
has_words = re.compile(r"[^\W\d_]{2}").search


class Signed(trans_real.DjangoTranslation):
    """A language whose texts are those of the code between signs."""

    def __init__(self) -> None:
        self._catalog: dict[str, str] = {}

    def gettext(self, message: str) -> str:
        text = message.rsplit("\x04", maxsplit=1)[-1]  # after the context, where there is one
        return f"⟦{text}⟧" if text.strip() else text

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)

    def to_language(self) -> str:
        return "de"  # with the numbers and dates of German


@pytest.fixture
def signs(monkeypatch):
    """Let German be the language with signs."""
    monkeypatch.setitem(trans_real._translations, "de", Signed())
    stored_sentences._translate.cache_clear()
    yield
    stored_sentences._translate.cache_clear()


class TextReader(HTMLParser):
    """What a page shows outside of the signs: its texts, and the attributes that people read or hear."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.depth = 0  # a text between signs may hold tags
        self.is_data = False  # the options of a field that offers places or languages of the world
        self.world: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "select":
            self.is_data = WORLD.search(given.get("name") or "") is not None
        if self.is_data and given.get("label"):
            self.world.add(given["label"])
        for name in SHOWN_ATTRIBUTES:
            if given.get(name) and not (self.is_data and name == "label"):
                self.texts.append(strip_signed(given[name], 0)[0])
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.texts.append(strip_signed(given.get("value") or "", 0)[0])

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        if tag == "select":
            self.is_data = False

    def handle_data(self, data):
        left, self.depth = strip_signed(data, self.depth)
        if self.is_data or "datalist" in self.open:
            self.world.add(data.strip())
        if not self.is_data and not HIDDEN & set(self.open):
            self.texts.append(left)


def strip_signed(text: str, depth: int) -> tuple[str, int]:
    """What of a text stands outside of the signs, and how many are open at its end."""
    left = []
    for sign in text:
        if sign == "⟦":
            depth += 1
        elif sign == "⟧":
            depth -= 1
            left.append(" ")
        elif depth == 0:
            left.append(sign)
    return "".join(left), depth


def read_stored_texts() -> list[str]:
    """Every text that stands in a row, the longest first."""
    found = set()
    for model in apps.get_models():
        names = [
            field.name
            for field in model._meta.local_fields
            if isinstance(field, models.CharField | models.TextField | models.JSONField)
        ]
        for row in model.objects.values_list(*names) if names else ():
            for value in row:
                found |= {str(each) for each in _list_values(value)}
    return sorted((text for text in found if has_words(text)), key=len, reverse=True)


def _list_values(value):
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _list_values(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _list_values(each)
    elif value is not None:
        yield value


def find_bare_texts(page: str, stored: list[str]) -> set[str]:
    """The texts of a page with letters outside of the signs that no row holds."""
    reader = TextReader(page)
    bare = reader.world & list_english_names()
    for text in reader.texts:
        left = KEPT.sub(" ", text)
        for each in stored if has_words(left) else ():
            left = left.replace(each, " ")
        if has_words(left):
            bare.add(" ".join(text.split())[:110])
    return bare


@cache
def list_english_names() -> frozenset[str]:
    """The cities, countries and languages of the world that English calls otherwise than German."""
    names = {}
    for tag in ("en", "de"):
        with translation.override(tag):
            cities = {city for _, listed in zones.list_cities() for _, city in listed}
            languages = {name for _, name in list_languages()}
            countries = {name_country(code) for code in Locale("en").territories}
            names[tag] = cities | languages | countries
    return frozenset(names["en"] - names["de"] - {itself for _, itself in settings.LANGUAGES})


def find_bare_cells(path: str, text: str, stored: list[str]) -> set[str]:
    """The cells of a file that are neither signed, nor data of rows, nor numbers and times."""
    heading, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    cells = [heading] if OF_A_PERSON.search(path) else [heading, *rows[:200]]
    return find_bare_texts("".join(f"<p>{escape(cell)}</p>" for row in cells for cell in row), stored)


def list_bare_sentences(tree: ast.Module) -> Iterator[int]:
    """The lines that say a sentence to people which no catalogue can have: written there, or put together there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYS:
            of = getattr(node.func, "value", None)
            for said in () if getattr(of, "id", "") == "msgspec" else node.args:
                parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                words = " ".join(
                    part.value
                    for part in parts
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                if re.search(r"[a-z]{2} +[a-z]{2}", words):
                    yield node.lineno


def test_no_sentence_for_people_is_written_where_no_catalogue_finds_it():
    bare = []
    for folder in ("campaigns", "promotions", "pos", "mailing"):
        for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                lines = list_bare_sentences(ast.parse(path.read_text()))
                bare += [f"{path.relative_to(settings.BASE_DIR)}:{line}" for line in lines]
    assert bare == []


def list_early_translations(tree: ast.Module) -> Iterator[int]:
    """The lines that translate a text while their module is read, for everybody in the language of that moment."""
    at_once = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if name.name.endswith("gettext")
    }
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in at_once:
            yield node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each]
            waiting += [*defaults, *getattr(node, "decorator_list", [])]
        else:
            waiting += ast.iter_child_nodes(node)


def test_no_text_is_translated_while_a_module_is_read():
    early = []
    for folder in ("campaigns", "promotions", "pos", "mailing", "config"):
        for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
            lines = list_early_translations(ast.parse(path.read_text()))
            early += [f"{path.relative_to(settings.BASE_DIR)}:{line}" for line in lines]
    assert early == []
    source = """
from django.utils.translation import gettext as _, gettext_lazy
LATER, NOW = gettext_lazy("red"), _("red")
def paint(colour=_("red"), say=lambda: _("red")): return _("red")
"""
    assert sorted(list_early_translations(ast.parse(source))) == [3, 4]


def test_a_template_reads_a_sentence_as_one_that_may_be_stored():
    """As `{{ error|stored }}`: who refused may have been a worker, or another person."""
    templates = settings.BASE_DIR / "templates"
    unread = [
        f"{path.relative_to(templates)}: {line.strip()[:80]}"
        for path in sorted(templates.rglob("*.html"))
        for line in path.read_text().splitlines()
        if is_sentence_unread(re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", line))
    ]
    assert unread == []


def test_no_template_writes_a_percent_sign_by_itself():
    """German and French have a gap before it: `{{ share|percent }}` and the texts of the catalogues know."""
    templates = settings.BASE_DIR / "templates"
    by_hand = [
        f"{path.relative_to(templates)}: {found}"
        for path in sorted(templates.rglob("*.html"))
        for found in re.findall(
            r"\{\{[^{}]*\}\}%(?!\})|>\d+%<",
            re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", path.read_text(), flags=re.DOTALL),
        )
    ]
    assert by_hand == []


def test_no_page_shows_a_text_that_is_in_no_catalogue(client, signs, settings, tmp_path):
    """Nor a number with a comma where a browser reads it: German writes one half as 0,5."""
    settings.VAR_DIR = tmp_path
    world = World()
    world.rows["campaigns/email/"] += [EmailCampaignFactory(status="paused", launchable=True)]
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    client.raise_request_exception = False
    found, gapped, stored = defaultdict(set), set(), []
    for name, route in list_routes():
        for path in sorted(set(world.list_paths(name, route))):
            if len(path) > 400 or OTHERS.search(path):
                continue
            answer = client.get(path, headers={"accept-language": "de"})
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            if kind == "text/csv":
                stored = stored or read_stored_texts()
                for text in find_bare_cells(path, answer.getvalue().decode(), stored):
                    found[text].add(route)
            if answer.streaming or kind != "text/html":
                continue
            stored = stored or read_stored_texts()
            page = answer.content.decode()
            gapped |= {f"{route}: {each}" for each in list_comma_numbers(page)}
            for text in find_bare_texts(page, stored):
                found[re.sub(r"\d+", "#", text)].add(route)
    assert translation.get_language() == "en", "the next page is somebody else's"
    assert gapped == set()
    assert {text: sorted(routes) for text, routes in found.items() if text not in NOT_YET} == {}
