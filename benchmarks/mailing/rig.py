"""What benchmarks of sending stand on: a database of their own, the real processes, and a campaign of a known size.

Import this before anything of Django's: it decides which database the settings name.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import django
import psycopg

from campaigns.annotations import ColumnValue, JsonObject
from config import embedded_postgres
from config import settings as project

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {
    "mail": "env Q_CLUSTER_NAME=mail python manage.py cluster mail",
    "clock": "python manage.py clock --every 1",
}

FIRST = [
    "Ada",
    "Bjørn",
    "Chloë",
    "Dmitri",
    "Fatima",
    "Günther",
    "José",
    "太郎",
    "Zoë",
    "Anna",
    "Bob",
    "Carol",
]
LAST = ["O'Brien", "Smith", "Müller", "Nakamura", "García", "van der Berg", "Kowalski", "Singh"]
CITIES = ["Tromsø", "Lyon", "Kraków", "Austin", "Osaka", "Lagos", "Cork"]


@contextlib.contextmanager
def server(folder: Path) -> Iterator[embedded_postgres.Server]:
    """Start a PostgreSQL server under `folder`, which a run may stop; `database` inside it is made there."""
    given = project.DATABASES["default"]
    before = dict(given)
    folder.chmod(0o755)  # as root the server runs as another user, who must get there
    # not in a folder below it: a start of the product closes what lies in its own var/ and is no server's
    own = embedded_postgres.Server(folder)
    given.update(embedded_postgres.ensure(folder))
    try:
        yield own
    finally:
        own.stop()
        given.update(before)


@contextlib.contextmanager
def database(name: str, *, keep: bool = False) -> Iterator[bool]:
    """Make a migrated database on the project's server for this process and those it starts.

    Yields whether it was there before. It is made anew and dropped after, unless `keep`. What a run left
    half filled is made anew too.
    """
    given = project.DATABASES["default"]
    server: JsonObject = {
        "host": given["HOST"] or None,
        "port": given["PORT"] or None,
        "user": given["USER"] or None,
        "password": given["PASSWORD"] or None,
    }
    home = given["NAME"]

    def administer(*statements: str) -> None:
        with psycopg.connect(dbname=home, **server, autocommit=True) as admin:
            for statement in statements:
                admin.execute(statement)

    def is_whole() -> bool:
        with psycopg.connect(dbname=home, **server) as asking:
            noted = (
                "SELECT shobj_description(oid, 'pg_database') = 'whole' FROM pg_database WHERE datname = %s"
            )
            return asking.execute(noted, [name]).fetchone() == (True,)

    was_there = keep and is_whole()
    if not was_there:
        administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    given["NAME"] = name
    os.environ["DATABASE_URL"] = url(given)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    try:
        call_command("migrate", verbosity=0)
        yield was_there
    except BaseException:
        keep = keep and was_there  # what was not filled to its end is of no use
        raise
    else:
        administer(f"COMMENT ON DATABASE {name} IS 'whole'")
    finally:
        connection.close()
        given["NAME"] = home
        if not keep:
            administer(f"DROP DATABASE {name} WITH (FORCE)")


def url(given: JsonObject) -> str:
    """Return the database as DATABASE_URL names it; a socket's folder stands in the path."""
    password = f":{given['PASSWORD']}" if given["PASSWORD"] else ""
    host, port = given["HOST"], f":{given['PORT']}" if given["PORT"] else ""
    if host.startswith("/"):
        return f"postgres://{given['USER']}{password}@{port}/{host}/{given['NAME']}"
    return f"postgres://{given['USER']}{password}@{host}{port}/{given['NAME']}"


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Product:
    """The product's processes under its own supervisor, which starts anew what is killed or hangs."""

    def __init__(self, names: Sequence[str], logs: Path) -> None:
        self._log = logs / "processes.log"
        self._procfile = logs / "Procfile"
        self._procfile.write_text("".join(f"{name}: {PROGRAMS[name.partition('-')[0]]}\n" for name in names))
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "config.supervisor", "--procfile", str(self._procfile)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> float:
        """Send SIGTERM, as a deployment does; return how many seconds it took."""
        begun = time.monotonic()
        self._supervisor.terminate()
        self._supervisor.wait(60)
        return time.monotonic() - begun

    def pids(self, words: str) -> list[int]:
        """List the program whose command holds these words, and all that it started; [] while it is not there."""
        for pid in children(self._supervisor.pid):
            with contextlib.suppress(OSError):
                if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                    return [pid, *descendants(pid)]
        return []

    @property
    def cluster(self) -> list[int]:
        """The mail cluster: its main process, its sentinel, then workers, monitor and pusher."""
        return self.pids("cluster mail")

    @property
    def log(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def product(*names: str, logs: Path) -> Iterator[Product]:
    """Start the programs of these names, such as "mail", "clock" and "clock-2"; their cluster works then."""
    started = Product(names, logs)
    try:
        if not wait(lambda: len(started.cluster) > 6, 60):
            raise SystemExit(f"The cluster did not start.\n{started.log}")
        time.sleep(2)
        yield started
    finally:
        started.stop()


def descendants(pid: int) -> list[int]:
    """List the processes below `pid`, children before theirs."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def children(pid: int) -> list[int]:
    """List the processes that `pid` has started; [] once it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(pids: list[int]) -> float:
    """Return the user and system time of these processes and of their ended children, in seconds."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def postgres_cpu(server: embedded_postgres.Server) -> float:
    """Return the user and system time of a PostgreSQL server, all its processes, those that have ended too."""
    pid = server.pid() or 0
    return cpu_seconds([pid, *descendants(pid)])


def peak_mb(pid: int) -> float:
    """Return the most memory a process has had of its own and shared, in MB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sign_in() -> Any:  # Any: Django's test client is imported once Django is set up
    """Return a client that asks for pages as a superuser, whether or not static files are collected."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    client = Client()
    bench = get_user_model().objects.filter(username="bench").first()
    client.force_login(bench or get_user_model().objects.create_superuser("bench"))
    return client


# ── the campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────


def body() -> str:
    """Return 10 KB of HTML with 10 variables, a condition, filters and 20 links."""
    text = (
        "Autumn is the season in which our workshop is at its busiest, and this year is no exception: the new range "
        "has been in the making since spring, every piece is made to order, and the first two hundred customers get "
        "theirs before the frost."
    )
    items = "".join(
        f'<table role="presentation" width="100%" style="border-top:1px solid #eee"><tr>'
        f'<td width="160" style="padding:16px 0;vertical-align:top">'
        f'<a href="https://shop.example/autumn/{2 * n}?id={1000 + 2 * n}">Item {n}</a></td>'
        f'<td style="padding:16px 0 16px 16px;vertical-align:top;font-size:15px;line-height:1.5">'
        f'<h2 style="margin:0 0 8px;font-size:18px">The no. {n} collection in {3 + n} colours</h2>'
        f'<p style="margin:0 0 12px">{text}</p>'
        f'<a href="https://shop.example/autumn/{2 * n + 1}?id={1001 + 2 * n}" style="display:inline-block;'
        f'padding:10px 18px;background:#0b5fff;color:#fff">See the collection</a></td></tr></table>'
        for n in range(9)
    )
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Autumn</title></head><body>
<p>Dear {{{{ first_name }}}} {{{{ last_name }}}},</p>
<p>You have <strong>{{{{ points }}}}</strong> points on your {{{{ plan }}}} plan, renewed on {{{{ renewal }}}}.
{{% if points > 2500 %}}Enough for a free delivery to {{{{ city }}}}.{{% else %}}Nearly so.{{% endif %}}</p>
<p>{{{{ manager | upcase }}}} of {{{{ store }}}} has put <b>{{{{ coupon }}}}</b> aside for {{{{ email }}}}.</p>
{items}
<p><a href="https://shop.example/shop">Shop</a> · <a href="https://shop.example/help">Help</a> ·
<a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></p></body></html>"""


def contacts_of(count: int) -> int:
    """Make `count` contacts in one list; return the list's key."""
    from django.db import connection

    from mailing.models import ContactList

    people = ContactList.objects.create(name="Everybody")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, attributes,
                                         created_at, updated_at)
            SELECT 'user' || n || '@example' || n %% 97 || '.test', (%s::text[])[1 + n %% 12],
                   (%s::text[])[1 + n / 7 %% 8], '', (%s::text[])[1 + n %% 7], 'DE',
                   jsonb_build_object('points', n::bigint * 7919 %% 5000, 'plan', 'Business & Pro', 'store', 'Dock 5',
                                      'renewal', '2027-01-17', 'manager', 'Robin <rob> Ek', 'coupon', 'SAVE-' || n),
                   now(), now()
            FROM generate_series(1, %s) AS n
            """,
            [FIRST, LAST, CITIES, count],
        )
        cursor.execute(
            "INSERT INTO mailing_membership (list_id, contact_id, joined_at) SELECT %s, id, now() FROM mailing_contact",
            [people.pk],
        )
        cursor.execute("ANALYZE mailing_contact, mailing_membership")
    return people.pk


# Any: a campaign, and models are not imported before the set-up
def draft(list_id: int, port: int, **connection: ColumnValue) -> Any:
    """Return a campaign to the list, through an SMTP connection to `port`; not launched."""
    from mailing.models import EmailCampaign, SmtpConnection, Target

    given = {"host": "127.0.0.1", "tls": "none", "max_connections": 20, "messages_per_connection": 100_000}
    smtp = SmtpConnection.objects.create(name=f"Port {port} {time.time()}", port=port, **given | connection)
    campaign = EmailCampaign.objects.create(
        name="Autumn",
        subject="{{ first_name }}, your {{ points }} points are waiting in {{ city }}",
        from_name="Autumn News",
        from_email="news@send.example",
        body=body(),
        body_format="html",
        connection=smtp,
    )
    Target.objects.create(campaign=campaign, list_id=list_id)
    return campaign


def wait(until: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Wait for a condition; return whether it came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
