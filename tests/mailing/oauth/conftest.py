import pytest

from tests.mailing.oauth.provider import run_provider


@pytest.fixture
def provider():
    with run_provider() as provider:
        yield provider
