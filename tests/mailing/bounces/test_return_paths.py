"""The return path of each mail: made here, for one delivery, and good for nothing else."""

import socket
from contextlib import closing

import pytest
from aiosmtpd.controller import Controller

from mailing import content, launch
from mailing.models import BounceMailbox, Delivery
from mailing.sending import return_paths, tokens
from tests.factories import SmtpConnectionFactory
from tests.mailing.running import SEPARATE, launch_campaign, send


def test_a_token_is_read_whatever_becomes_of_its_capitals():
    token = return_paths.sign_delivery(4711)
    assert len(return_paths.fill_bounce_address("bounces@shop.example", token).partition("@")[0]) <= 64
    assert return_paths.find_delivery_id(f"BOUNCES+{token.upper()}@SHOP.EXAMPLE") == 4711


def test_no_changed_token_and_none_of_another_purpose_is_read(settings):
    token = return_paths.sign_delivery(4711)
    for place in range(len(token)):
        changed = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
        assert return_paths.read_delivery_id(changed) is None
    for other in tokens.sign_tokens([4711])[0]:
        assert return_paths.find_delivery_id(other) is None
    settings.SECRET_KEY = "another secret, as long as it has to be"
    assert return_paths.read_delivery_id(token) is None


@pytest.mark.parametrize(
    ("address", "filled"),
    [("bounces@shop.example", "bounces+T@shop.example"), ("*@bounces.shop.example", "T@bounces.shop.example"),
     ("b-*-x@shop.example", "b-T-x@shop.example")],
)  # fmt: skip
def test_the_token_goes_to_its_place(address, filled):
    assert return_paths.fill_bounce_address(address, "T") == filled
    token = return_paths.sign_delivery(1)
    assert return_paths.make_writer(address)(1).decode() == filled.replace("T", token)


class Envelopes:
    """Takes every mail and remembers its envelope."""

    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 aiosmtpd's name
        self.received.append((envelope.rcpt_tos[0], envelope.mail_from))
        return "250 Ok"


@SEPARATE
@pytest.mark.parametrize(
    ("mailboxes", "own", "expected"),
    [
        ([("bounces@shop.example", [])], "", "bounces+{}@shop.example"),
        ([("all@shop.example", []), ("own@example.com", ["example.com"])], "", "own+{}@example.com"),
        ([("own@other.example", ["other.example"])], "", "shop@example.com"),
        ([("bounces@shop.example", [])], "*@esp.example", "{}@esp.example"),
    ],
)  # fmt: skip
def test_each_mail_leaves_with_a_return_path_of_its_own(short_waits, mailboxes, own, expected):
    for address, domains in mailboxes:
        BounceMailbox.objects.create(name=address, address=address, sender_domains=domains)
    envelopes = Envelopes()
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    controller = Controller(envelopes, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        smtp = SmtpConnectionFactory(port=port, bounce_address=own)
        campaign = send(launch_campaign(3, connection=smtp))
    finally:
        controller.stop()
    keys = dict(Delivery.objects.filter(campaign=campaign).values_list("email", "pk"))
    sent = dict(envelopes.received)
    assert sent == {
        email: expected.replace("{}", return_paths.sign_delivery(pk)) for email, pk in keys.items()
    }


@pytest.mark.django_db
def test_list_unsubscribe_names_the_mailbox_with_the_token_in_the_subject():
    BounceMailbox.objects.create(name="B", address="*@bounces.shop.example", sender_domains=["shop.example"])
    assert launch.find_unsubscribe_address("shop.example") == "unsubscribe@bounces.shop.example"
    assert launch.find_unsubscribe_address("other.example") == ""
    source = content.Source(
        subject="S", from_email="a@shop.example", body="x", body_format="markdown",
        unsubscribe_email=launch.find_unsubscribe_address("shop.example"),
    )  # fmt: skip
    message = content.compile(source).render(
        content.Recipient("x@y.example"), content.Links("https://m.example", "tok")
    )
    assert b"<mailto:unsubscribe@bounces.shop.example?subject=unsubscribe%20tok>" in message
