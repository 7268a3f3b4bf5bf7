"""Lines about a mail: its parts, size and links, and how well people can read it who hear it or see badly."""

from collections.abc import Iterator, Sequence

from campaigns.sentences import keep, mark
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
        yield Line(mark("Text part"), State.OK, mark("There is one, with words in it."))
    else:
        yield Line(
            mark("Text part"),
            State.WARN,
            mark("The text part has no words."),
            mark("Give the pictures alt texts, or write it yourself."),
        )
    if review.has_unsubscribe:
        yield Line(
            mark("Unsubscribe link"), State.OK, mark("It is in both parts, and one click unsubscribes.")
        )
    else:
        advice = mark("Put {{ unsubscribe_url }} into the content and the plain text.")
        yield Line(mark("Unsubscribe link"), State.FAIL, mark("One of the parts has none."), advice)
    size = keep("The HTML has %(value)s KB", value=max(1, round(review.size / 1024)))
    if review.size < content.SIZE_LIMIT:
        yield Line(mark("Size"), State.OK, keep("%(size)s; Gmail shows up to 102 KB.", size=size))
    else:
        yield Line(
            "Size",
            State.WARN,
            keep("%(size)s: Gmail cuts it off at 102 KB, the unsubscribe link too.", size=size),
            mark("Shorten it."),
        )
    yield _describe(
        "Pictures",
        review.pictures_without_alt,
        mark("Each has an alt text, or says that it is decoration."),
        mark("Without alt text"),
        mark('Write what each picture says, or alt="" for decoration.'),
    )
    yield from _list_accessibility(review)


def _list_accessibility(review: Review) -> Iterator[Line]:
    if review.language and review.direction and review.title:
        said = keep(
            "Language %(language)s, title “%(title)s”.", language=review.language, title=review.title[:60]
        )
        yield Line(mark("Language and title"), State.OK, said)
    else:
        yield Line(
            mark("Language and title"),
            State.WARN,
            mark("The mail has no language or no title."),
            mark("Write a subject."),
        )
    yield _describe(
        mark("Headings"),
        review.heading_jumps,
        mark("They follow each other without a gap."),
        mark("A level is skipped"),
        mark("Screen readers lead by headings: use h1, then h2, then h3."),
    )  # fmt: skip
    yield _describe(
        mark("Contrast"), review.poor_contrasts, mark("All text stands out enough."), mark("Too little"),
        mark("Use darker text or a lighter background: at least 4.5 to 1, or 3 to 1 for large text."),
    )  # fmt: skip
    yield _describe(
        mark("Link texts"), review.vague_links, mark("Each link says where it leads."), mark("These do not"),
        mark("Write where the link leads: people hear links one by one."),
    )  # fmt: skip


def _describe(title: str, examples: Sequence[str], fine: str, wrong: str, advice: str) -> Line:
    if not examples:
        return Line(title, State.OK, fine)
    more = mark(" and others") if len(examples) > NAMED else ""
    return Line(title, State.WARN, f"{wrong}: {', '.join(examples[:NAMED])}{more}.", advice)


def list_link_lines(verdicts: Sequence[Verdict], personal_count: int) -> Iterator[Line]:
    """Yield a line for each link that leads nowhere, and one line for all others."""
    fine = sum(verdict.state is State.OK for verdict in verdicts)
    for verdict in verdicts:
        if verdict.state is not State.OK:
            advice = "" if verdict.state is State.UNKNOWN else mark("Open it, and correct or replace it.")
            yield Line("Links", verdict.state, f"{verdict.url[:200]} {verdict.said}.", advice)
    if fine or not verdicts:
        said = (
            keep("%(fine)s of %(count)s links lead somewhere.", fine=fine, count=len(verdicts))
            if verdicts
            else mark("There is no link to follow.")
        )
        left = (
            keep(
                " %(personal_count)s that differ by recipient were not followed.",
                personal_count=personal_count,
            )
            if personal_count
            else ""
        )
        yield Line("Links", State.OK, said + left)


def describe_quota(seconds: float, retry_hours: int) -> Line:
    """Return a line about the time that a campaign needs at least under the limits of its connections."""
    title = mark("Time and limits")
    if seconds < 60:
        return Line(title, State.OK, mark("No limit of a connection slows it down."))
    said = keep(
        "Under the limits of its connections, sending takes at least %(seconds)s.",
        seconds=write_duration(seconds),
    )
    if seconds > retry_hours * 3600:
        advice = mark("Raise the limits, add a connection, or let it keep trying for longer.")
        return Line(
            title,
            State.WARN,
            keep("%(said)s Mails are tried for %(retry_hours)s hours.", said=said, retry_hours=retry_hours),
            advice,
        )
    if seconds > DAY:
        return Line(
            title, State.WARN, said, mark("Raise the limits or add a connection, if it should be quicker.")
        )
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
            keep(
                "%(recipients)s recipients: its rules for bulk senders apply from %(gmail_from)s a day.",
                recipients=recipients,
                gmail_from=GMAIL_FROM,
            ),
        )
    asked = (mark("SPF"), mark("DKIM"), mark("DMARC"), mark("Unsubscribe link"), mark("Reverse name"))
    lacking = list(
        dict.fromkeys(line.title for line in lines if line.title in asked and line.state is not State.OK)
    )
    said = keep("%(recipients)s recipients: its rules for bulk senders apply.", recipients=recipients)
    if lacking:
        return Line(
            title,
            State.WARN,
            keep("%(said)s Look at %(lacking)s.", said=said, lacking=", ".join(lacking)),
            mark("Mails that break them go to spam or are refused."),
        )
    return Line(
        title,
        State.OK,
        keep(
            "%(said)s SPF, DKIM, DMARC and one-click unsubscribing are there. Keep complaints below 0.1%%.",
            said=said,
        ),
    )
