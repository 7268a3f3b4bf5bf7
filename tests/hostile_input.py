"""Every address of the site, what its forms ask for, and text that nobody should be able to hurt it with."""

import io
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from urllib.parse import quote_plus, urlsplit

from django.contrib import admin
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from mailing import importing
from mailing.models import BounceMailbox, ContactList, Segment
from tests import factories

TEXTS = {
    "empty": "",
    "null": "null",
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "huge": "x" * 70_000,
    "digits": "9" * 30,
    "many digits": "9" * 5_000,
    "infinite": "1e999",
    "last moment": "9999-12-31T23:59:59-14:00",
    "last minute": "9999-12-31T23:59",
    "last day": "9999-12-31",
    "object": '{"all": [{"field": 1}], "\\u0000": "\\ud800"}',
    "deep": "[" * 3_000,
    "markup": '"><script>\u202e%s%00',
    "superscript": "²",
}
# names that views read without a form
ASKED = (
    "q page after before part status verdict contact campaign kind sort by first last until of find type seen at"
).split()
# those that a form may take for good, so that they reach a column
TAKEN = ("empty", "huge", "digits", "object")
# a bracket stands for itself: to decode three thousand of them took longer than many views
QUOTED = {text: quote_plus(text, safe="[", errors="surrogatepass") for text in TEXTS.values()}
# from this number of fields on, two forms of one room with the same ones are one form, for a new row and for an old one
MANY_FIELDS = 5
# answers of an address that reads no field: not to this person, not of this row, not by this method
READS_NOTHING = (403, 404, 405)
list_refused_fields = re.compile(r'\bname="([^"]+)"[^<>]*\baria-invalid="true"').findall


def deal_texts(names: list[str], turn: int) -> dict[str, str]:
    """Give each field another text; over len(TEXTS) turns each field gets every one. A NUL comes alone."""
    texts = list(TEXTS.values())
    dealt = {name: texts[(place + turn) % len(texts)] for place, name in enumerate(names)}
    nul = TEXTS["nul"]
    if turn % len(texts) == 0:  # the first field's turn for it
        return dealt
    return {name: text for name, text in dealt.items() if text != nul}


def encode_fields(fields: dict[str, str]) -> str:
    """Write fields as a form sends them."""
    return "&".join(
        f"{quote_plus(name)}={QUOTED.get(text) or quote_plus(text, errors='surrogatepass')}"
        for name, text in fields.items()
    )


def pick_one_of_each(names: Iterable[str]) -> list[str]:
    """Of fields that differ by a number only, as the rows of a formset have them, the first."""
    return [*{re.sub(r"\d+", "#", name): name for name in reversed([*names])}.values()]


def list_routes() -> list[tuple[str, str]]:
    """Every named address outside the admin and the tills, as (name, route)."""
    return [*_list_routes(get_resolver().url_patterns, "", "")]


def _list_routes(patterns: list, namespace: str, before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if route not in ("admin/", "pos/v1/"):
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from _list_routes(pattern.url_patterns, inner, route)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield namespace + pattern.name, route


def list_admin_pages() -> list[tuple[str, str]]:
    """The list, the form for a new row and the form of a row of every model in the admin, as (name, model)."""
    return [
        (f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", model._meta.label)
        for model in admin.site._registry
        for page in ("changelist", "add", "change")
    ]


class World:
    """One row or more of everything that an address can name."""

    def __init__(self) -> None:
        contacts = factories.ContactFactory.create_batch(2, attributes={"plan": "gold", "points": 3})
        people = factories.ContactListFactory(contacts=contacts)
        segment = factories.SegmentFactory(tree={"all": [{"field": "plan", "op": "equals", "value": "gold"}]})
        mails = [
            factories.EmailCampaignFactory(status=status, launchable=True)
            for status in ("draft", "running", "completed")
        ]
        for mail in mails[1:]:
            factories.DeliveryFactory(campaign=mail, contact=contacts[0])
        promotions = [factories.PromotionFactory()]
        tills = [
            factories.PromotionCampaignFactory(status=status, discounting=True)
            for status in ("draft", "active", "expired")
        ]
        upload = importing.receive_contacts(io.BytesIO(b"email,plan\na@x.test,gold\nb,\n"))
        tried = importing.receive_contacts(io.BytesIO(b"email,plan\na@x.test,gold\nb,\n"))
        importing.choose_columns(tried, ["email", "plan"])
        importing.run(tried.pk)
        self.rows = {
            "campaigns/email/": mails,
            "campaigns/promotion/": tills,
            "campaigns/": [mails[0], tills[1]],
            "contacts/": contacts[:1],
            "pictures/": [factories.PictureFactory()],
            "templates/": [factories.MailTemplateFactory()],
            "blocks/": [factories.BlockFactory()],
            "lists/": [people, ContactList.objects.create(name="Empty")],
            "segments/": [segment, Segment.objects.create(name="Everybody")],
            "suppressions/": [factories.SuppressionFactory()],
            "held-reports/": [factories.HeldReportFactory(), factories.HeldReportFactory(content=b"")],
            "imports/": [upload, tried],
            "connections/": [factories.SmtpConnectionFactory()],
            "dkim-keys/": [factories.DkimKeyFactory()],
            "mailboxes/": [BounceMailbox.objects.create(name="Bounces", address="bounces@shop.example")],
            "promotions/": promotions,
            "coupons/": [factories.CouponFactory()],
            "groups/": [factories.CustomerGroupFactory()],
        }
        self.till = factories.TillFactory()
        self.sale = factories.SaleFactory()
        self.promotion = promotions[0]

    def list_paths(self, name: str, route: str) -> list[str]:
        """The addresses of a route, with rows of this world, and with keys and words that name nothing."""
        known = next((rows for prefix, rows in self.rows.items() if route.startswith(prefix)), [])
        paths = []
        for row in known or [None]:
            paths += [self._path(name, route, row.pk if row else 1, "launch", self.promotion.pk)]
        if "<" in route:
            paths += [self._path(name, route, 10**30, "a" * 3_000, 10**30)]
        return paths

    @staticmethod
    def _path(name: str, route: str, pk: int, word: str, promotion: int) -> str:
        values = {"pk": pk, "promotion": promotion, "index": pk, "number": pk, "key": pk}
        words = {"verb": word, "token": word, "name": word, "stage": "recipients", "uidb64": word}
        asked = [part.split(">")[0] for part in route.split("<")[1:]]
        kinds = {part.split(":")[-1]: part.split(":")[0] for part in asked}
        others = {each: pk if kind == "int" else word for each, kind in kinds.items()}
        return reverse(name, kwargs={each: (others | words | values)[each] for each in kinds})


class FormReader(HTMLParser):
    """The forms that are posted from a page: for each the address and the fields with their values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.fields: dict[str, str] | None = None
        self.area = ""  # the name of the textarea that is open
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("form", "input", "select", "textarea", "button"):
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = {}
            if given.get("method", "").lower() == "post":
                self.forms.append((given.get("action", ""), self.fields))
        name = given.get("name", "")
        # the client of the tests has its requests taken without the token, so nothing reads it
        if tag != "form" and name not in ("", "csrfmiddlewaretoken") and self.fields is not None:
            self.names.add(name)
            self.fields.setdefault(name, given.get("value", ""))
            self.area = name if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        if self.area and self.fields is not None:
            self.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.fields = None
        if tag == "textarea":
            self.area = ""


class NotedFields(QueryDict):
    """The fields of a request, which note that a view has asked for one of them, or gone through them."""

    is_read = False

    def __getitem__(self, name):
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self._note(name)
        return super().__contains__(name)

    def getlist(self, name, default=None):
        self._note(name)
        return super().getlist(name, default)

    def __iter__(self):
        NotedFields.is_read = True
        return super().__iter__()

    def __len__(self):
        NotedFields.is_read = True
        return super().__len__()

    def keys(self):
        NotedFields.is_read = True
        return super().keys()

    def lists(self):
        NotedFields.is_read = True
        return super().lists()

    @staticmethod
    def _note(name: str) -> None:
        NotedFields.is_read = NotedFields.is_read or name in NotedFields.sent

    sent: set[str] = set()


class NoteWhatIsRead:
    """The last middleware: whatever asks for a field after it is the view. What was sent is judged before, by all."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, *_):
        NotedFields.sent = {*request.GET, *request.POST}
        NotedFields.is_read = False
        for fields in (request.GET, request.POST):
            fields.__class__ = NotedFields


class Attacker:
    """A signed-in person who sends TEXTS to an address, and notes what the site could not answer."""

    attacked: set[tuple[str, ...]] = set()  # forms that stand on many pages are attacked once in each process

    def __init__(self, client: Client) -> None:
        self.client = client
        self.client.raise_request_exception = False
        self.session = client.cookies["sessionid"].value
        self.broken: list[str] = []
        self.attacks = 0
        self.savepoint = ""  # to which each request is undone
        self.answers: dict[tuple[str, str, str], tuple[int, str]] = {}  # of each request to a form
        self.half_done: dict[frozenset[str], tuple[str, dict[str, str], bool]] = {}  # forms, by their fields

    def attack(self, path: str, *, alone: bool = True) -> None:
        """Send every text in every field; `alone`: then those that fields take, the others as the page has them."""
        self.answers.clear()
        status, page = self._send("GET", path, {}, "nothing")
        reader = FormReader(page)
        names = [*ASKED, *sorted(reader.names)]
        # many paths have one view: the next has the rest
        turns = [0, *range((self.attacks + 1) % 3 + 1, len(TEXTS), 3)]
        if status in READS_NOTHING:
            turns = turns[:2]
        else:
            self.attacks += 1
        for turn in turns:
            NotedFields.is_read = True  # the first turn has the NUL, which is refused before a view is asked
            self._send("GET", path, deal_texts(names, turn), f"texts dealt from {turn}")
            if not NotedFields.is_read:
                break  # nor is it by the same view when other texts are sent
        if not reader.forms and self._is_new(path, names):
            self.answers.clear()
            self._send_turns(path, dict.fromkeys(names, ""), range(len(TEXTS)))
        for action, fields in reader.forms:
            if self._is_new(action or path, fields):
                self._attack_form(action or path, fields, names, alone=alone)

    def _is_new(self, path: str, fields: Iterable[str]) -> bool:
        form = (resolve(urlsplit(path).path).route, *sorted(fields))
        is_new = form not in self.attacked
        self.attacked.add(form)
        return is_new

    def finish(self) -> None:
        """Send the other half of the texts to those forms that came once."""
        for path, fields, alone in self.half_done.values():
            self.answers.clear()
            self._send_turns(path, fields, range(1, len(TEXTS), 2))
            self._send_what_is_taken(path, fields, alone=alone)
        self.half_done.clear()

    def _attack_form(self, path: str, fields: dict[str, str], names: list[str], *, alone: bool) -> None:
        """Post every text to a form. Where it has a button only it is posted twice, with `names`.

        Of a form with many fields that comes twice each time half of the texts are posted.
        """
        self.answers.clear()
        if not fields:
            self._send_turns(path, dict.fromkeys(names, ""), range(2))
            return
        kinds = frozenset(re.sub(r"\d+", "#", name) for name in fields)
        if len(kinds) < MANY_FIELDS:
            self._send_turns(path, fields, range(len(TEXTS)))
        elif kinds in self.half_done:
            *_, was_alone = self.half_done.pop(kinds)
            alone = alone or was_alone
            self._send_turns(path, fields, range(1, len(TEXTS), 2))
        else:
            self.half_done[kinds] = path, fields, alone
            self._send_turns(path, fields, range(0, len(TEXTS), 2))
            return
        self._send_what_is_taken(path, fields, alone=alone)

    def _send_turns(self, path: str, fields: dict[str, str], turns: Iterable[int]) -> None:
        first, *_ = filter(None, turns)  # turn 0 has the NUL, which is refused before a view is asked
        for turn in turns:
            status, _ = self._send("POST", path, deal_texts([*fields], turn), f"texts dealt from {turn}")
            if (
                turn == first
                and status in READS_NOTHING
                and self._send("POST", path, fields, "nothing")[0] == status
            ):
                return

    def _send_what_is_taken(self, path: str, fields: dict[str, str], *, alone: bool) -> None:
        for label in TAKEN if alone else ():
            self._send_in_fields(path, fields, pick_one_of_each(fields), label)

    def _send_in_fields(self, path: str, fields: dict[str, str], names: list[str], label: str) -> None:
        """Send a text in fields, until each was among those of a form that was taken, or was refused.

        First in all of them, then in those that do not refuse it; where the page does not say which do, each half goes
        on by itself.
        """
        known = len(self.broken)
        what = f"{label} in {', '.join(names)}"
        status, page = self._send("POST", path, fields | dict.fromkeys(names, TEXTS[label]), what)
        is_broken = len(self.broken) > known
        refused = {name for name in list_refused_fields(page) if name in names}
        if len(names) == 1 or (status < 400 and not refused):
            return
        parts = [[name for name in names if name not in refused]]
        if is_broken or not refused:  # of a page that breaks, each half says which field it was
            middle = len(names) // 2
            parts = [names[:middle], names[middle:]]
        for part in filter(None, parts):
            self._send_in_fields(path, fields, part, label)

    def _send(self, method: str, path: str, fields: dict[str, str], what: str) -> tuple[int, str]:
        """Send one request and undo what it did; return the status and the page. The same one is sent once."""
        data = encode_fields(fields)
        if (method, path, data) not in self.answers:
            self.answers[method, path, data] = self._ask(method, path, data, f"{method} {path[:80]}: {what}")
        return self.answers[method, path, data]

    def _ask(self, method: str, path: str, data: str, what: str) -> tuple[int, str]:
        self.client.cookies["sessionid"] = self.session  # a form may have signed the person out
        self.savepoint = self.savepoint or transaction.savepoint()
        if method == "POST":
            response = self.client.post(path, data, content_type="application/x-www-form-urlencoded")
        else:
            response = self.client.get(f"{path}{'&' if '?' in path else '?'}{data}" if data else path)
        page = b"".join(response) if response.streaming else response.content
        transaction.set_rollback(False)
        transaction.savepoint_rollback(self.savepoint)
        connection.run_on_commit.clear()
        self._judge(response, what)
        return response.status_code, page.decode(errors="replace")

    def _judge(self, response, what: str) -> None:
        if response.status_code >= 500 and response.status_code != 503:
            error = getattr(response, "exc_info", None)
            self.broken.append(f"{what}: {error[0].__name__}: {str(error[1])[:200]}" if error else what)
