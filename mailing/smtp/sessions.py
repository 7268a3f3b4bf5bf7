"""Remembers how many messages a server takes on one connection.

OpenSMTPD takes 100 messages on a connection, Exim 1,000 by default. They refuse one more, which may go out at once over
a new connection. Each process remembers the number for some time, so that it closes the next connections before that.
"""

import time

from mailing.smtp.replies import Reply, Stage
from mailing.smtp.server import Server
from mailing.smtp.verdicts import LOGIN_REFUSED, Kind, Verdict, classify, is_bare_goodbye

FORGET_AFTER = 3600.0  # seconds: the server may have been given other limits

_Key = tuple[str, int, str]
_sizes: dict[_Key, tuple[int, bool, float]] = {}  # messages, whether it counts, when it was learnt


def judge_session(server: Server, accepted: int, stage: Stage, reply: Reply) -> Verdict:
    """Judge a refusal on a connection that took `accepted` messages; remember the number if it was full.

    Only a connection that took messages can be full. A bare goodbye before an envelope counts as full too: a server
    that wants us to slow down refuses the next connection as well.
    """
    verdict = classify(stage, reply)
    if verdict.kind is Kind.HARD and _names_login(server, reply):
        verdict = LOGIN_REFUSED  # "The account <shop@shop.example> is disabled" is about us, not about the recipient
    if not accepted:
        return verdict._replace(starts_session=False)
    is_certain = verdict.starts_session
    if is_certain or (stage is Stage.MAIL and is_bare_goodbye(reply)):
        remember_size(server, accepted, is_certain=is_certain)
        return verdict._replace(starts_session=True)
    return verdict


def _names_login(server: Server, reply: Reply) -> bool:
    return "@" in server.username and server.username.lower() in reply.text.lower()


def remember_size(server: Server, accepted: int, *, is_certain: bool) -> None:
    """Note that a connection ended after `accepted` messages.

    Args:
        is_certain: the server's words say that this is its number. A connection may also end for other reasons, so
            without such words the number counts only after two connections have ended at it.
    """
    key = _key_of(server)
    before = _sizes.get(key)
    is_certain = is_certain or (before is not None and before[0] == accepted)
    _sizes[key] = (accepted, is_certain, time.monotonic())


def find_size(server: Server, most: int) -> int:
    """Return how many messages to send over one connection: `most`, or fewer if the server is known to take fewer."""
    known = _sizes.get(_key_of(server))
    if known is None or not known[1]:
        return most
    if time.monotonic() - known[2] > FORGET_AFTER:
        del _sizes[_key_of(server)]
        return most
    return min(most, known[0])


def _key_of(server: Server) -> _Key:
    return server.host, server.port, server.username
