"""Finds the encoding of a text. It reads all bytes, since the first accent may come after a million rows."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from campaigns.sentences import keep

CHUNK = 2**20  # bytes
NEITHER = keep(
    "Its text is neither UTF-8 nor Windows-1252: choose its encoding, "
    "or save it as “CSV UTF-8” and choose that file."
)
GONE = keep("The file is no longer here: upload it again.")
# What somebody may choose, by the name of the codec that reads it
ENCODINGS = {
    "utf-8-sig": keep("Unicode (UTF-8)"),
    "cp1252": keep("Western Europe (Windows-1252)"),
    "mac_roman": keep("Western Europe (Mac)"),
    "cp850": keep("Western Europe (DOS)"),
    "iso8859_15": keep("Western Europe (ISO 8859-15)"),
    "cp1250": keep("Central Europe (Windows-1250)"),
    "iso8859_2": keep("Central Europe (ISO 8859-2)"),
    "cp1251": keep("Cyrillic (Windows-1251)"),
    "koi8_r": keep("Cyrillic (KOI8-R)"),
    "cp866": keep("Cyrillic (DOS)"),
    "cp1253": keep("Greek (Windows-1253)"),
    "cp1254": keep("Turkish (Windows-1254)"),
    "cp1257": keep("Baltic (Windows-1257)"),
    "cp1255": keep("Hebrew (Windows-1255)"),
    "cp1256": keep("Arabic (Windows-1256)"),
    "cp1258": keep("Vietnamese (Windows-1258)"),
    "cp874": keep("Thai (Windows-874)"),
    "cp932": keep("Japanese (Shift JIS)"),
    "euc_jp": keep("Japanese (EUC)"),
    "gb18030": keep("Chinese, simplified (GB 18030)"),
    "cp950": keep("Chinese, traditional (Big5)"),
    "cp949": keep("Korean (EUC-KR)"),
    "utf-16": keep("Unicode (UTF-16)"),
}

# What begins a file that is something else, whatever its name says.
FORMATS = {
    b"PK\x03\x04": "a workbook",
    b"\xd0\xcf\x11\xe0": "a workbook",
    b"%PDF": keep("a PDF document"),
    b"\x1f\x8b": keep("a compressed file (gzip)"),
    b"BZh": keep("a compressed file (bzip2)"),
    b"\xfd7zXZ": keep("a compressed file (xz)"),
    b"7z\xbc\xaf": keep("a compressed file (7z)"),
    b"Rar!": keep("a compressed file (RAR)"),
    b"PAR1": keep("a Parquet file"),
    b"SQLite format": keep("a database"),
    b"{\\rtf": keep("a text document (RTF)"),
    b"BEGIN:VCARD": keep("a file of address cards (vCard)"),
    b"<!DOCTYPE": keep("a web page"),
    b"<!doctype": keep("a web page"),
    b"<html": keep("a web page"),
    b"<?xml": keep("an XML file"),
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}

_after_letter = re.compile(rb"([A-Za-z])([\x80-\xff])(?=([A-Za-z]?))").findall
_before_letter = re.compile(rb"(?<![A-Za-z\x80-\xff])([\x80-\xff])(?=[a-z])").findall
# a byte right after an address can be no letter
_after_address = re.compile(rb"@[A-Za-z0-9.-]{1,250}\.[A-Za-z]{2,24}([\x80-\xff])").findall
_high = re.compile(rb"[\x80-\xff]").findall
_long_words = re.compile(rb"[\x80-\xff]{4,}|[\xc0-\xff]{3}").findall  # of another alphabet
_utf8 = re.compile(rb"[\xc3-\xc5][\x80-\xbf]|[\xe2-\xe9][\x80-\xbf]{2}").findall
# words in the quotation marks of Windows
_quoted = re.compile(
    rb"(?<![A-Za-z\x80-\xff])[\x82\x84\x91\x93][A-Za-z](?:[^\x80-\xff\r\n]|(?<=[A-Za-z])\x92(?=[A-Za-z])){0,60}"
    rb"[\x91-\x94](?![A-Za-z\x80-\x84\x86-\xff])"
).findall
_japanese = re.compile(rb"(?:[\x81-\x83][\x40-\x7e\x80-\xfc]){4}").search  # kana in Shift JIS
_EAST_ASIAN = ("cp932", "gbk", "cp950", "cp949")
_wide = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}").search  # kana, ideographs, Hangul
# In their order when nothing speaks for one: Windows, the old Mac, DOS (Excel's “CSV (MS-DOS)”), Central Europe.
CANDIDATES = ("cp1252", "mac_roman", "cp850", "cp1250", "iso8859_2")


def _split_bytes(letters: str, codec: str) -> frozenset[bytes]:
    return frozenset(bytes([byte]) for byte in letters.encode(codec))


# Languages whose letters stand where Windows-1252 has others, and the letters that both have in common
TURKISH = _split_bytes("ĞİŞğış", "cp1254")
SHARED_WITH_TURKISH = _split_bytes("ÇÖÜçöüÂÎÛâîû", "cp1254")
CZECH = _split_bytes("ŘřĚěŮůŇňČčĎďĽľŔŕĆćĐđ", "cp1250")  # Slovak, Slovenian, Croatian too
CARONS = _split_bytes("ŠšŽžŤť", "cp1250")  # rare where Windows-1252 is used, and in every list of Czech names
SHARED_WITH_CZECH = _split_bytes("ÁáÉéÍíÓóÚúÝýÄäÔôÖöÜü", "cp1250")
HUNGARIAN = _split_bytes("ŐőŰű", "cp1250")
ACUTES = _split_bytes("ÁáÉé", "cp1250")
SHARED_WITH_HUNGARIAN = _split_bytes("ÁáÉéÍíÓóÖöÚúÜü", "cp1250")
CURRENCY_SIGN = b"\xa4"  # of no use to anybody, and the euro in ISO 8859-15


class UnreadableFile(ValueError):
    """The file cannot be read as CSV; `str()` is a sentence."""


def encoding_of(path: Path) -> str:
    """Return the codec that reads the file.

    Raises:
        UnreadableFile: it is no text, or its encoding is not one that we know.
    """
    try:
        stat = path.stat()
        return _find_encoding(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise UnreadableFile(GONE) from error


def check_encoding(path: Path, chosen: str) -> str:
    """Return the codec that somebody has chosen.

    Raises:
        UnreadableFile: the file is no text in it from its beginning.
    """
    if chosen not in ENCODINGS:
        raise UnreadableFile(keep("Choose one of the encodings of the list."))
    try:
        stat = path.stat()
        _try_encoding(path, stat.st_size, stat.st_mtime_ns, chosen)
    except OSError as error:
        raise UnreadableFile(GONE) from error
    return chosen


@lru_cache(maxsize=64)
def _try_encoding(path: Path, size: int, changed: int, chosen: str) -> None:
    """Read the beginning of the file by a codec. Size and time are part of the key, as in `_find_encoding`."""
    try:
        with path.open("rb") as file:
            codecs.getincrementaldecoder(chosen)().decode(file.read(CHUNK))
    except UnicodeError as error:
        raise UnreadableFile(
            keep("Its text is not %(encodings)s: choose another encoding.", encodings=ENCODINGS[chosen])
        ) from error


@lru_cache(maxsize=64)
def _find_encoding(path: Path, size: int, changed: int) -> str:
    """Find the codec that reads the file. Size and time are part of the key, as the whole file is read."""
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, what in FORMATS.items():
        if start.removeprefix(codecs.BOM_UTF8).lstrip(b" \r\n").startswith(mark):
            raise UnreadableFile(
                keep("This is %(what)s, not CSV: save it as “CSV UTF-8” and choose that file.", what=what)
            )
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFile(
            keep("The file is not text as we read it: save it as “CSV UTF-8” and choose that file.")
        )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.count(0) * 4 > len(start):
        raise UnreadableFile(keep("The file is not text: save it as “CSV UTF-8” and choose that file."))
    if start.startswith(codecs.BOM_UTF8) or _is_utf8(path):
        return "utf-8-sig"
    return _find_legacy_encoding(path)


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _read_chunks(path):
            decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True  # a letter cut in two at the very end is told where it is read


def _find_legacy_encoding(path: Path) -> str:
    """Return the one of the CANDIDATES in which the letters beyond ASCII make words."""
    high: Counter[bytes] = Counter()
    after: Counter[tuple[bytes, bytes, bytes]] = Counter()
    before: Counter[bytes] = Counter()
    ending: Counter[bytes] = Counter()
    of_long_words = of_utf8 = line_feeds = quoted = 0
    is_japanese = False
    for chunk in _read_chunks(path):
        line_feeds += chunk.count(b"\n")
        if chunk.isascii():
            continue
        high.update(_high(chunk))
        after.update(_after_letter(chunk))
        before.update(_before_letter(chunk))
        ending.update(_after_address(chunk))
        of_long_words += sum(map(len, _long_words(chunk)))
        of_utf8 += sum(map(len, _utf8(chunk)))
        quoted += len(_quoted(chunk))
        is_japanese = is_japanese or _japanese(chunk) is not None
    if of_utf8 * 2 > high.total():
        return "utf-8-sig"  # but for some bytes: the row with the first of them is told
    if is_japanese:
        raise UnreadableFile(NEITHER)
    candidates = [codec for codec in CANDIDATES if all(_is_of_texts(_letter(byte, codec)) for byte in high)]
    if not line_feeds and "mac_roman" in candidates:
        candidates.sort(key=lambda codec: codec != "mac_roman")  # only the old Mac ended lines with CR alone
    scores = {
        codec: _score_letters(codec, after, before)
        - 5 * sum(times for byte, times in ending.items() if _letter(byte, codec).isalpha())
        for codec in candidates
    }
    for codec in {"cp1252", "cp1250"}.intersection(scores):
        scores[codec] += 2 * quoted
    best = max(scores, key=lambda codec: scores[codec], default="")
    if scores.get(best, 0) * 2 <= high.total() and any(_reads_as(path, codec) for codec in _EAST_ASIAN):
        raise UnreadableFile(NEITHER)
    if of_long_words * 2 > high.total() or not (best in ("cp1252", "mac_roman") or scores.get(best, 0) > 0):
        raise UnreadableFile(NEITHER)
    if best == "mac_roman" and line_feeds and scores[best] <= 0:
        raise UnreadableFile(NEITHER)
    return _find_neighbour(high, after) if best == "cp1252" else best


def _reads_as(path: Path, codec: str) -> bool:
    """Return whether the codec reads the whole file, and finds words of East Asian languages in it."""
    decoder = codecs.getincrementaldecoder(codec)()
    has_words = False
    try:
        for chunk in _read_chunks(path):
            text = decoder.decode(chunk)
            has_words = has_words or _wide(text) is not None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return has_words


def _find_neighbour(high: Counter[bytes], after: Counter[tuple[bytes, bytes, bytes]]) -> str:
    """Return the codec of a file that Windows-1252 could read: another where its letters are those of one language."""
    if _is_turkish(high):
        return "cp1254"
    if _is_czech(high) or _is_hungarian(high, after):
        return "cp1250"
    if CURRENCY_SIGN in high and not any(byte < b"\xa0" for byte in high):
        return "iso8859_15"
    return "cp1252"


def _is_czech(high: Counter[bytes]) -> bool:
    letters = {byte for byte in high if byte >= b"\xc0" or byte in CARONS}
    return bool(letters & CARONS and letters & CZECH) and letters <= CZECH | CARONS | SHARED_WITH_CZECH


def _is_hungarian(high: Counter[bytes], after: Counter[tuple[bytes, bytes, bytes]]) -> bool:
    """Return whether the letters are Hungarian: two stand where Windows-1252 has õ, which is followed by e, and û."""
    letters = {byte for byte in high if byte >= b"\xc0"}
    is_own = any(byte in HUNGARIAN and right != b"e" for _, byte, right in after)
    return is_own and bool(letters & ACUTES) and letters <= HUNGARIAN | SHARED_WITH_HUNGARIAN


def _is_turkish(high: Counter[bytes]) -> bool:
    """Return whether the letters are Turkish: it uses the codes of six Icelandic ones, but none of Iceland's vowels."""
    letters = {byte for byte in high if byte >= b"\xc0"}
    return bool(letters & TURKISH) and letters <= TURKISH | SHARED_WITH_TURKISH


def _letter(byte: bytes, codec: str) -> str:
    return byte.decode(codec, "ignore")


def _is_of_texts(letter: str) -> bool:
    """Return whether a byte means something in an encoding: ISO 8859 has controls where Windows has letters."""
    return bool(letter) and unicodedata.category(letter) != "Cc"


def _score_letters(codec: str, after: Counter[tuple[bytes, bytes, bytes]], before: Counter[bytes]) -> int:
    """Return how many letters stand where such letters stand in words, less how many do not."""
    score = 0
    for (left, byte, right), times in after.items():
        letter = _letter(byte, codec)
        if _is_of_words(letter):
            is_capital = left.isupper() and not right.islower()
            is_small = (left.islower() or right.islower()) and not (left.islower() and right.isupper())
            fits = is_capital if letter.isupper() else is_small
            score += times if fits else -times
        elif right:
            is_blank = letter == "\xa0" and not right.islower()
            score += times if letter in "’\xad" or is_blank else -times
    for byte, times in before.items():
        letter = _letter(byte, codec)
        # names begin with capitals, other words seldom with an accent
        score += (times if letter.isupper() else times // 2) if _is_of_words(letter) else 0
    return score


def _is_of_words(letter: str) -> bool:
    """Return whether it is a letter, and none of the signs of money and of numbers that are counted among them."""
    return letter.isalpha() and letter not in "ƒªº"
