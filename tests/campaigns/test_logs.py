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
