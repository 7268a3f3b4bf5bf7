"""Why a connection to a mail server fails, and what a person can do about each cause."""

from enum import StrEnum

from campaigns.sentences import keep, mark


class Cause(StrEnum):
    """The name of a failure to connect."""

    UNREACHABLE = mark("host not reached")
    TIMED_OUT = mark("timed out")
    CERTIFICATE = mark("certificate not trusted")
    ENCRYPTION = mark("encryption not possible")
    LOGIN = mark("login refused")
    TOKEN = mark("token refused")
    SENDER = mark("sender not accepted")
    HELLO = mark("name in EHLO not accepted")
    QUOTA = mark("limit of the account reached")
    THROTTLED = "throttled"
    REFUSED = mark("connection refused by the server")
    NOT_SMTP = mark("not an SMTP server")


ADVICE = {
    Cause.UNREACHABLE: mark(
        "Check the host name and the port, and that this machine's network lets the connection out."
    ),
    Cause.TIMED_OUT: mark(
        "Check host, port and encryption: port 465 takes implicit TLS, 587 and 25 STARTTLS or none."
    ),
    Cause.CERTIFICATE: mark(
        "Use the host name the certificate was made for, or have the server's operator renew it."
    ),
    Cause.ENCRYPTION: mark("Choose the encryption this port speaks: 465 implicit TLS, 587 and 25 STARTTLS."),
    Cause.LOGIN: mark(
        "Check user name and password; some providers want an app password or a login made for SMTP."
    ),
    Cause.TOKEN: mark(
        "Connect it again on its page, or have sending by SMTP allowed for this mailbox at the provider."
    ),
    Cause.SENDER: mark(
        "Use a sender address this login may send from, or have its domain allowed at the provider."
    ),
    Cause.HELLO: mark(
        "Set the connection's name in EHLO to this machine's full host name, such as mail.shop.example."
    ),
    Cause.QUOTA: mark("Wait until the provider lets this account send again, or have its limit raised."),
    Cause.THROTTLED: mark("Wait, then send more slowly or over fewer connections."),
    Cause.REFUSED: mark("Ask the server's operator whether this machine's address may connect."),
    Cause.NOT_SMTP: mark("Check the port, and whether it wants another encryption."),
}


_ADD_AUTHORITY = mark("For a private authority, add its certificate to the connection.")
CERTIFICATE_ADVICE = {  # by OpenSSL's verification codes
    9: mark("It is not valid yet: check this machine's clock and the certificate's dates."),
    10: mark("It has run out: have the server's operator renew it."),
    18: keep(
        "The server made it itself, so that no authority vouches for it. %(add_authority)s",
        add_authority=_ADD_AUTHORITY,
    ),
    19: keep(
        "The authority that signed it is not among those this machine trusts. %(add_authority)s",
        add_authority=_ADD_AUTHORITY,
    ),
    20: keep(
        "Nobody this machine trusts signed it, or the server leaves out what lies between. %(add_authority)s",
        add_authority=_ADD_AUTHORITY,
    ),
    21: keep(
        "Nobody this machine trusts signed it, or the server leaves out what lies between. %(add_authority)s",
        add_authority=_ADD_AUTHORITY,
    ),
    62: mark("It was made for another host: use the host name that it names."),
    64: mark("It was made for another host: use the host name that it names."),
}
