"""Reads the words of a refusal by the table phrases.txt."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from campaigns.sentences import mark


class Meaning(StrEnum):
    """What a refusal is about. phrases.txt names the members."""

    SESSION_FULL = mark("the number of messages of one connection")
    GREYLISTED = "greylisting"
    RECEIVER_BUSY = mark("more mail than the recipient may get at once")
    QUOTA = mark("what our account may send")
    FULL = mark("a full mailbox")
    HELLO = mark("our name in EHLO")
    LOGIN = mark("our login")
    SCREENED = mark("the recipient does not want this sender")
    SENDER_RIGHT = mark("our login may not send from this address")
    SENDER_DOMAIN = mark("the domain of our address does not exist")
    AUTHENTICITY = mark("how our mail is signed")
    SENDER = mark("our address is refused")
    TOO_BIG = mark("the size of the message")
    LISTED = mark("our server is refused")
    TOO_FAST = mark("we send too fast")
    RELAY = mark("mail that the server does not pass on for us")
    SPAM = mark("the content of the message, or a rule about it")
    NOT_NOW = mark("a moment that passes")
    UNCERTAIN = mark("something that may not exist, but perhaps not the recipient")
    LOCKED = mark("a mailbox that may be locked or unknown")
    NO_SUCH_RECIPIENT = mark("a recipient that does not exist")
    WEAK_NOT_NOW = mark("perhaps a moment that passes")
    REFUSED = mark("a refusal that gives no reason")


class Phrase(NamedTuple):
    """A pattern of words, its meaning, and who documents or sends such words."""

    meaning: Meaning
    source: str
    pattern: str


TABLE = Path(__file__).with_name("phrases.txt")
_ADDRESS = (
    r"(?<!ip )(?<!mac )(?<!sending )(?<!server )(?<!sender )(?<!source )(?<!from )(?<!client )address(?:es)?"
)
LONGEST_TEXT = 1000  # characters that are read of a reply
_WORDS = {
    "{address}": _ADDRESS,
    "{who}": rf"(?:user|recipient|mail ?-?box|account|addressee|alias|person|customer|subscriber|inbox|{_ADDRESS})",
    "{no}": r"(?:does ?n['’]?o?t|do ?n['’]?o?t|not|no longer)",
}
_MARKED = re.compile(r"<[^<>\s]*@[^<>]*>")
_BARE = re.compile(r"(?<![^\s<>()\[\]\"',;:])[^\s<>()\[\]\"',;:]+@(?:\[[^\]\s]*\]|[\w.-]*\w)")
_LINK = re.compile(
    r"https?://([\w.-]+)[^\s<>\"')\]]*?(?:[?&]p=(\w+)[^\s<>\"')\]]*)?(?=[\s<>\"')\]]|$)", re.IGNORECASE
)
_CAPITALS = re.compile(r"\\.|[A-Z]")
_WORD = re.compile(r"[^\W\d_]{2}")
_BRIEF = re.compile(
    r"\b[\w-]+(?:\.[\w-]+)+\b|\b(?:no|not|is|was|sorry|error|failed|fatal|permanent|failure|recipient|rcpt|to|user"
    r"|address|mail ?box|account|rejected|refused|reject|unavailable|smtp|esmtp|gsmtp|the|your|id)\b"
)
_ACCENTS = re.compile("[\u0300-\u036f]")


def read_table() -> list[Phrase]:
    """Read phrases.txt in its order."""
    phrases, meaning, source = [], None, ""
    _, _, table = TABLE.read_text(encoding="utf-8").partition("\n\n==")
    for line in ("==" + table).splitlines():
        if line.startswith("=="):
            meaning = Meaning[line.removeprefix("==").strip()]
        elif line.startswith("#"):
            source = line.removeprefix("#").strip()
        elif line and meaning:
            phrases.append(Phrase(meaning, source, line))
    return phrases


@lru_cache(maxsize=1)
def _compile_table() -> list[tuple[Meaning, re.Pattern[str]]]:
    """Return one expression for each meaning, in the order of the table."""
    table = []
    for meaning, phrases in groupby(read_table(), key=lambda phrase: phrase.meaning):
        pattern = "|".join(f"(?:{phrase.pattern})" for phrase in phrases)
        for name, words in _WORDS.items():
            pattern = pattern.replace(name, words)
        table.append((meaning, re.compile(_CAPITALS.sub(_in_small, pattern))))
    return table


def _in_small(found: re.Match[str]) -> str:
    r"""Return a capital letter in lower case, as the text will be, and an escape such as \S unchanged."""
    return found[0] if found[0].startswith("\\") else found[0].lower()


def plain_words(text: str) -> str:
    """Remove from a reply what is no word: addresses, paths of links, accents, compatibility forms of letters."""
    text = _LINK.sub(lambda link: f" {link[1]} {link[2] or ''} ", text)
    text = _BARE.sub(" ", _MARKED.sub(" ", text))
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", text).casefold()


def find_meaning(text: str) -> Meaning | None:
    """Find the meaning of a reply by its enhanced code and words; None when the table has none."""
    return _meaning_of_words(plain_words(text[:LONGEST_TEXT]))


@lru_cache(maxsize=1024)  # many refusals differ in nothing but the address
def _meaning_of_words(words: str) -> Meaning | None:
    return next((meaning for meaning, pattern in _compile_table() if pattern.search(words)), None)


def gives_no_reason(text: str) -> bool:
    """Return whether a reply only says that the recipient is refused, besides codes and names of hosts."""
    return not _WORD.search(_BRIEF.sub(" ", plain_words(text[:LONGEST_TEXT])))
