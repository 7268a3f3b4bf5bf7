"""Lines about a mail: its parts, size and links, and how well people can read it who hear it or see badly."""

from collections.abc import Iterator, Sequence

from mailing import content
from mailing.content import Review
from mailing.preflight.lines import Line, State
from mailing.preflight.links import Verdict

DAY = 86_400  # seconds
GMAIL = ("gmail.com", "googlemail.com")
GMAIL_FROM = 5_000  # mails a day to Gmail, from which on its rules for bulk senders count
NAMED = 3  # examples in a line


def list_mail_lines(review: Review) -> Iterator[Line]:
    """Yield the lines about the mail itself."""
    if review.has_text:
        yield Line("Text part", State.OK, "There is one, with words in it.")
    else:
        yield Line(
            "Text part",
            State.WARN,
            "The text part has no words.",
            "Give the pictures alt texts, or write it yourself.",
        )
    if review.has_unsubscribe:
        yield Line("Unsubscribe link", State.OK, "It is in both parts, and one click unsubscribes.")
    else:
        advice = "Put {{ unsubscribe_url }} into the content and the plain text."
        yield Line("Unsubscribe link", State.FAIL, "One of the parts has none.", advice)
    size = f"The HTML has {max(1, round(review.size / 1024))} KB"
    if review.size < content.SIZE_LIMIT:
        yield Line("Size", State.OK, f"{size}; Gmail shows up to 102 KB.")
    else:
        yield Line(
            "Size",
            State.WARN,
            f"{size}: Gmail cuts it off at 102 KB, the unsubscribe link too.",
            "Shorten it.",
        )
    yield _describe(
        "Pictures",
        review.pictures_without_alt,
        "Each has an alt text, or says that it is decoration.",
        "Without alt text",
        'Write what each picture says, or alt="" for decoration.',
    )
    yield from _list_accessibility(review)


def _list_accessibility(review: Review) -> Iterator[Line]:
    if review.language and review.direction and review.title:
        said = f"Language {review.language}, title “{review.title[:60]}”."
        yield Line("Language and title", State.OK, said)
    else:
        yield Line(
            "Language and title", State.WARN, "The mail has no language or no title.", "Write a subject."
        )
    yield _describe(
        "Headings", review.heading_jumps, "They follow each other without a gap.", "A level is skipped",
        "Screen readers lead by headings: use h1, then h2, then h3.",
    )  # fmt: skip
    yield _describe(
        "Contrast", review.poor_contrasts, "All text stands out enough.", "Too little",
        "Use darker text or a lighter background: at least 4.5 to 1, or 3 to 1 for large text.",
    )  # fmt: skip
    yield _describe(
        "Link texts", review.vague_links, "Each link says where it leads.", "These do not",
        "Write where the link leads: people hear links one by one.",
    )  # fmt: skip


def _describe(title: str, examples: Sequence[str], fine: str, wrong: str, advice: str) -> Line:
    if not examples:
        return Line(title, State.OK, fine)
    more = " and others" if len(examples) > NAMED else ""
    return Line(title, State.WARN, f"{wrong}: {', '.join(examples[:NAMED])}{more}.", advice)


def list_link_lines(verdicts: Sequence[Verdict], personal_count: int) -> Iterator[Line]:
    """Yield a line for each link that leads nowhere, and one line for all others."""
    fine = sum(verdict.state is State.OK for verdict in verdicts)
    for verdict in verdicts:
        if verdict.state is not State.OK:
            advice = "" if verdict.state is State.UNKNOWN else "Open it, and correct or replace it."
            yield Line("Links", verdict.state, f"{verdict.url[:200]} {verdict.said}.", advice)
    if fine or not verdicts:
        said = (
            f"{fine} of {len(verdicts)} links lead somewhere." if verdicts else "There is no link to follow."
        )
        left = f" {personal_count} that differ by recipient were not followed." if personal_count else ""
        yield Line("Links", State.OK, said + left)


def describe_quota(seconds: float, retry_hours: int) -> Line:
    """Return a line about the time that a campaign needs at least under the limits of its connections."""
    title = "Time and limits"
    if seconds < 60:
        return Line(title, State.OK, "No limit of a connection slows it down.")
    said = f"Under the limits of its connections, sending takes at least {write_duration(seconds)}."
    if seconds > retry_hours * 3600:
        advice = "Raise the limits, add a connection, or let it keep trying for longer."
        return Line(title, State.WARN, f"{said} Mails are tried for {retry_hours} hours.", advice)
    if seconds > DAY:
        return Line(title, State.WARN, said, "Raise the limits or add a connection, if it should be quicker.")
    return Line(title, State.OK, said)


def write_duration(seconds: float) -> str:
    """Write a duration in its largest whole unit, rounded up."""
    for size, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            amount = -int(-seconds // size)
            return f"{amount:,} {name}{'' if amount == 1 else 's'}"
    return "a minute"


def describe_gmail(recipients: int, lines: Sequence[Line]) -> Line:
    """Return a line about Gmail's rules for bulk senders: do they apply, and do the `lines` so far keep them."""
    title = "Gmail"
    if recipients < GMAIL_FROM:
        return Line(
            title,
            State.OK,
            f"{recipients:,} recipients: its rules for bulk senders apply from {GMAIL_FROM:,} a day.",
        )
    asked = ("SPF", "DKIM", "DMARC", "Unsubscribe link", "Reverse name")
    lacking = list(
        dict.fromkeys(line.title for line in lines if line.title in asked and line.state is not State.OK)
    )
    said = f"{recipients:,} recipients: its rules for bulk senders apply."
    if lacking:
        return Line(
            title,
            State.WARN,
            f"{said} Look at {', '.join(lacking)}.",
            "Mails that break them go to spam or are refused.",
        )
    return Line(
        title,
        State.OK,
        f"{said} SPF, DKIM, DMARC and one-click unsubscribing are there. Keep complaints below 0.1%.",
    )
