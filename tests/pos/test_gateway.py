"""The short way at the server's door answers as Django's own handler would, and leaves every other address to it."""

import json
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest

from config.wsgi import application, tills
from tests.factories import PromotionCampaignFactory
from tests.pos.servers import ROOT
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


def ask(method, path, body=b"", *, application=application, **headers):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": BytesIO(body), **headers}
    setup_testing_defaults(environ)
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    started = []
    answer = application(environ, lambda status, headers: started.extend([status, dict(headers)]))
    return (*started, b"".join(answer))


def test_a_quote_and_a_sale_are_answered_as_through_the_middleware():
    PromotionCampaignFactory(discounting=True, status="active")
    till = AtTill()
    sent, key = json.dumps(basket(1_000)).encode(), f"Bearer {till.key}"
    status, headers, body = ask("POST", "/pos/v1/quotes", sent, HTTP_AUTHORIZATION=key)
    through = till.quote(basket(1_000))
    assert (status, headers["Content-Type"]) == ("200 OK", "application/json")
    assert json.loads(body) | {"evaluated_at": ""} == through.body | {"evaluated_at": ""}
    status, _, body = ask("PUT", "/pos/v1/sales/S1", sent, HTTP_AUTHORIZATION=key)
    assert (status, json.loads(body)["discount"]) == ("201 Created", 100)
    assert till.put("S1", basket(1_000)).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/pos/v1/quotes", "405 Method Not Allowed", "method"),
        ("GET", "/pos/v1/nothing", "404 Not Found", "not_found"),
        ("GET", "/pos/", "404 Not Found", "not_found"),
        ("GET", "/pos/v1/sales/\u00c3\u00a4", "401 Unauthorized", "no_key"),  # ä, as WSGI gives its bytes
        ("POST", "/pos/v1/quotes", "401 Unauthorized", "no_key"),
    ],
)
def test_what_cannot_be_answered_is_a_json_error(method, path, status, error):
    answered, headers, body = ask(method, path)
    assert (answered, headers["Content-Type"]) == (status, "application/json")
    assert json.loads(body)["error"] == error


def test_a_body_that_is_cut_short_changes_nothing():
    till = AtTill()
    sent = json.dumps(basket(1_000)).encode()
    status, _, body = ask("PUT", "/pos/v1/sales/S1", sent[:-5], HTTP_AUTHORIZATION=f"Bearer {till.key}")
    assert (status, json.loads(body)["error"]) == ("400 Bad Request", "not_json")


def test_every_other_address_is_left_to_django():
    status, headers, _ = ask("GET", "/")
    assert (status, headers["Location"]) == ("302 Found", "/login/?next=/")


@pytest.mark.parametrize(
    "path", ["/", "/login/", "/healthz", "/POS/v1/rules", "//pos/v1/rules", "/x/../pos/v1/rules"]
)
def test_the_server_of_tills_answers_tills_and_renders_no_page(path):
    """The front hands it all that could be an address of tills. A page there kept the tills of the process waiting."""
    status, headers, body = ask("GET", path, application=tills)
    assert (status, headers["Content-Type"]) == ("404 Not Found", "application/json")
    assert json.loads(body)["error"] == "not_found"


def test_the_server_of_tills_answers_tills():
    assert ask("GET", "/pos/v1/rules", application=tills)[0] == "401 Unauthorized"


@pytest.mark.parametrize("procfile", ["Procfile", "deploy/Procfile"])
def test_both_procfiles_serve_tills_alone(procfile):
    (line,) = [line for line in (ROOT / procfile).read_text().splitlines() if line.startswith("tills:")]
    assert line.endswith(" config.wsgi:tills")
