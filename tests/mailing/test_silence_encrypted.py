"""Late answers over TLS: a run that waits for one is set aside, and its connections go on in a thread of their own."""

import ssl
import threading

import pytest

from mailing.models import Lane
from mailing.sending import lanes, sending_run
from mailing.smtp import server as servers
from tests.hostile_smtp import hostile_smtp, parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    count_held,
    counts,
    launch_campaign,
    run_until,
    send,
    to,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


@pytest.fixture(params=["starttls", "implicit"])
def tls_server(request, certificate, monkeypatch):
    """The hostile server behind real TLS, its authority trusted as an operator would; and how to connect to it."""
    own = certificate()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.chain, own.key)
    monkeypatch.setenv("SSL_CERT_FILE", own.authority)
    servers.make_tls_context.cache_clear()
    with hostile_smtp(tls=context, is_implicit=request.param == "implicit") as server:
        yield server, request.param
    servers.make_tls_context.cache_clear()


def test_a_late_answer_over_tls_is_waited_for_while_the_lane_does_other_work(tls_server, monkeypatch):
    server, tls = tls_server
    monkeypatch.setattr(sending_run, "STRAGGLE_SECONDS", 0.1)
    server.settings.rules = parse("dot times=1 hold")
    campaign = launch_campaign(30, connection=to(server, tls=tls, max_connections=4))
    run_until(lambda: count_held(server) == 1, campaign.connection_id)
    assert counts(campaign)["in_data"] == 1
    assert Lane.objects.filter(number__gte=lanes.LANES_PER_CONNECTION).exists(), "it is set aside"
    assert run_until(lambda: len(server.accepted) == 30, campaign.connection_id) >= 1
    server.release()
    for thread in threading.enumerate():
        if thread.name.startswith("run-"):
            thread.join(20)
            assert not thread.is_alive()
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 30}
    assert set(campaign.deliveries.values_list("attempts", flat=True)) == {1}
    assert set(addresses(server).values()) == {1}
