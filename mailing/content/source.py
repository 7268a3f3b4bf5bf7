"""The input of content: what the author wrote, the recipient, the links; and what a preview returns."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Format = Literal["html", "markdown", "mjml"]
# What a recipient's template may read, by name: whatever an attribute's JSON holds.
Values = Mapping[str, Any]
# The context of a render: a sandbox.Context, whose module imports those that are told of it.
LiquidContext = Any


class ContentError(ValueError):
    """The content does not compile, or cannot be rendered for one recipient; `str()` says why in one line.

    `field` is the field of the source at fault, where that is known.
    """

    def __init__(self, said: str, field: str = "") -> None:
        super().__init__(said)
        self.field = field


class OfferNote(msgspec.Struct, frozen=True):
    """That a mail carries an offer: what it is called, and whether its codes have an end."""

    label: str
    has_end: bool


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One e-mail as its author wrote it.

    `subject`, `preheader`, `from_name`, `body` and `text` may hold Liquid and spintax; the rest is plain text.
    `text` empty: the text part is made from the body. A UTM parameter left empty is not added.
    `domain` is the right side of every Message-ID, `feedback` the fields of Feedback-ID in their order
    (campaign, list, organisation, sender). `unsubscribe_email` adds a mailto to List-Unsubscribe.
    `earlier_links` are those of other contents of the same campaign: they keep their numbers, and new ones come after.
    `offer`: each recipient has one, as the attribute `offer` with the fields of `names.OFFER_FIELDS`.
    `locale` (de, pt-BR), `currency` (ISO 4217) and `time_zone` (IANA) are what the filters `date` and `money` use.
    Lines end with a line feed, however they were written, so that all who count them count alike.
    """

    subject: str
    from_email: str
    body: str
    body_format: Format = "html"
    text: str = ""
    preheader: str = ""
    from_name: str = ""
    reply_to: str = ""
    track_opens: bool = True
    track_clicks: bool = True
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_content: str = ""
    domain: str = ""
    list_id: str = ""
    feedback: tuple[str, ...] = ()
    unsubscribe_email: str = ""
    locale: str = "en"
    currency: str = "EUR"
    time_zone: str = "UTC"
    earlier_links: tuple[str, ...] = ()
    offer: OfferNote | None = None

    def __post_init__(self) -> None:
        for name in ("body", "text"):
            if "\r" in (written := getattr(self, name)):
                lines = written.replace("\r\n", "\n").replace("\r", "\n")
                msgspec.structs.force_setattr(self, name, lines)


class Recipient(msgspec.Struct, frozen=True):
    """One person: the values a template may read, and what marks this delivery.

    `attributes` holds plain data only (str, numbers, bool, None, dates, lists and dicts of these); each is a variable
    of its own name. `email`, `first_name` and `last_name` are variables too and win over an attribute of that name.
    `message_id` is the left side of the Message-ID, the same in every attempt. `seed` picks the words of spintax: the
    same seed, the same words (the delivery's key, so that a retry says what the first attempt said).
    """

    email: str
    attributes: Values = {}
    first_name: str = ""
    last_name: str = ""
    message_id: str = ""
    seed: str | int = ""


class Links(msgspec.Struct, frozen=True):
    """Where this delivery's links lead: `base` without a trailing slash, and its signed tokens (URL-safe ASCII).

    Open pixel `<base>/t/o/<open_token>`, clicks `<base>/t/c/<click_token>/<index>`, unsubscribe `<base>/u/<token>`,
    preferences `<base>/p/<preferences_token>`. A token that is left empty is `token`.
    """

    base: str
    token: str
    open_token: str = ""
    click_token: str = ""
    preferences_token: str = ""


class Preview(msgspec.Struct, frozen=True):
    """What one recipient reads: `sender` is the name, `html` a whole document, `text` the text part."""

    subject: str
    preheader: str
    sender: str
    html: str
    text: str
