"""A front that is killed and started anew: what was under way fails openly, and nothing of it is half done."""

import http.client
import json
from contextlib import ExitStack, closing

import pytest

from mailing.models import Contact, Upload
from pos.models import Sale
from tests.config.fronts import SECRET_KEY, serve_behind_front
from tests.factories import PromotionCampaignFactory, TillFactory, UserFactory
from tests.pos.servers import call, environment_of_test_database
from tests.pos.tills import basket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
KEY = "the-key-of-the-only-till"
PEOPLE = 400
TOKEN = "a" * 32


def test_what_is_under_way_is_cut_and_told_so_and_can_be_done_again(client, settings):
    settings.SECRET_KEY = SECRET_KEY  # signs the session
    client.force_login(UserFactory(is_superuser=True))
    known = {
        "Cookie": f"sessionid={client.cookies['sessionid'].value}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
    }
    long = dict.fromkeys(("a", "b", "c"), "x" * 9_000)  # more than what lies in buffers on the way
    Contact.objects.bulk_create(
        Contact(email=f"a{number}@x.test", attributes=long) for number in range(PEOPLE)
    )
    PromotionCampaignFactory(discounting=True, status="active")
    TillFactory(key=KEY)
    sale = json.dumps(basket(1_000)).encode()
    of_till = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with serve_behind_front(environment_of_test_database()) as ports, ExitStack() as stack:

        def connect():
            connection = http.client.HTTPConnection("127.0.0.1", ports["PORT"], timeout=20)
            return stack.enter_context(closing(connection))

        download, upload, half, unread = connect(), connect(), connect(), connect()
        download.request("GET", "/contacts/export.csv", headers=known)
        file = download.getresponse()
        assert file.status == 200
        begun = file.read(65_536)
        begin_body(
            upload, "POST", "/contacts/import/", known, 8_000_000, b"email\n" + b"a@x.test\n" * 100_000
        )
        begin_body(half, "PUT", "/pos/v1/sales/HALF", of_till, len(sale), sale[:-1])
        unread.request("PUT", "/pos/v1/sales/UNREAD", sale, of_till)

        ports.restart_front()

        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            begun += file.read()
        for cut in (upload, half):
            assert not is_answered(cut)
        assert not Upload.objects.exists()
        assert not Sale.objects.filter(reference="HALF").exists()

        for name in ("HALF", "UNREAD"):  # the till sends again what it has no answer to
            status, _, answer = call(ports["PORT"], "PUT", f"/pos/v1/sales/{name}", basket(1_000), key=KEY)
            assert status in (200, 201)
            assert json.loads(answer)["discount"] == 100
        assert Sale.objects.count() == 2
        again = connect()
        again.request("GET", "/contacts/export.csv", headers=known)
        assert again.getresponse().read().count(b"\n") == PEOPLE + 1


def is_answered(connection):
    """Whether a request whose body goes on is answered."""
    try:
        connection.send(b"x")
        connection.getresponse()
    except (http.client.HTTPException, ConnectionError):
        return False
    return True


def begin_body(connection, method, path, headers, length, body):
    """Send a request whose body lacks its end."""
    connection.putrequest(method, path)
    for name, value in (headers | {"Content-Length": str(length)}).items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body)
