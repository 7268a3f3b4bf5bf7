"""What strangers can make the log say."""

import io
import logging

import pytest


@pytest.fixture
def read_log():
    """Reads what the product has written into its log meanwhile."""
    root = logging.getLogger()
    [console] = [handler for handler in root.handlers if handler.name == "console"]
    written = logging.StreamHandler(io.StringIO())
    written.setFormatter(console.formatter)
    for each in console.filters:
        written.addFilter(each)
    root.addHandler(written)
    yield written.stream.getvalue
    root.removeHandler(written)


@pytest.mark.django_db
def test_a_body_that_cannot_be_read_is_one_line_of_the_log(client, read_log):
    answer = client.post("/login/", b"x", content_type="multipart/form-data; boundary=")
    assert answer.status_code == 400
    [line] = [line for line in read_log().splitlines() if "django.request" in line]
    assert "Unable to parse request body" in line
    assert "Traceback" not in read_log()


def test_an_error_of_the_server_keeps_its_traceback(read_log):
    try:
        raise ValueError("broken")
    except ValueError as error:
        logging.getLogger("django.request").error("It broke", exc_info=error, extra={"status_code": 500})
    assert "ValueError: broken" in read_log()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("/calendar/feed/{}.ics", "s" * 43),
        ("/calendar/feed/{}.ics;x", "Ab-_9" * 8),
        ("/u/{}/x/y", "A" * 24),
        ("/password/reset/MQ/{}/more/", "d0g7xk-0123456789abcdef0123456789abcdef"),
    ],
)
def test_no_secret_of_an_address_reaches_the_log(client, read_log, path, secret):
    assert client.get(path.format(secret)).status_code == 404
    assert path.split("{")[0] in read_log()
    assert secret not in read_log()
