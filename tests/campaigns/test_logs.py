"""What strangers can make the log say."""

import logging
import sys

import pytest


@pytest.fixture
def printed(capsys):
    """What the handler of the product prints meanwhile."""
    [handler] = [each for each in logging.getLogger().handlers if each.get_name() == "console"]
    stream = handler.setStream(sys.stderr)
    yield lambda: capsys.readouterr().err
    handler.setStream(stream)


@pytest.mark.django_db
def test_a_body_that_cannot_be_read_is_one_line_of_the_log(client, printed):
    answer = client.post("/login/", b"x", content_type="multipart/form-data; boundary=")
    assert answer.status_code == 400
    said = printed()
    assert "Unable to parse request body" in said
    assert "Traceback" not in said
    assert said.count("\n") == 1


def test_an_error_of_the_server_keeps_its_traceback(printed):
    try:
        raise ValueError("broken")
    except ValueError as error:
        logging.getLogger("django.request").error("It broke", exc_info=error, extra={"status_code": 500})
    assert "ValueError: broken" in printed()
