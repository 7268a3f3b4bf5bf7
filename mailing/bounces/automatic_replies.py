"""Recognises answers that no person wrote: vacation notices, receipts, tickets. They say nothing about an address."""

import re
from email.message import Message

from mailing.bounces import parts, plain_text

_MARKS_OF_PEOPLE = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "X-Vacation",
)
_MARKS = (
    *_MARKS_OF_PEOPLE,
    "X-MS-Exchange-Generated-Message-Source",
    "Autosubmitted",
)
_PRECEDENCES = ("auto_reply", "auto-reply", "autoreply", "vacation")
_SUBJECT = re.compile(
    r"^\W*+(?:(?:re|aw|sv|antw|r[ée]p?)\s*+:\s*+)*+(?:"
    r"auto(?:matic|mated|matische)?[- :]*(?:reply|response|respon[ds]er?|antwort|antwoord|rispost|répons|svar|mail)"
    r"|automat\w+\s+(?:reply|response|svar|antwort|antwoord|odpowied\w+|odpověď|válasz|vastaus|cevap|yanıt)"
    r"|auto\s*:|out[- ]of[- ](?:the[- ])?office|ooo\b|on vacation|vacation|away from (?:my|the) (?:office|mail|desk)"
    r"|i am (?:away|out|on)|absence|absent|abwesen|nicht im (?:b[üu]ro|haus)|urlaub|automatische antwort"
    r"|r[ée]ponse automatique|absence du bureau|message d'absence|respuesta autom|fuera de (?:la )?oficina"
    r"|ausente|risposta automatica|fuori (?:sede|ufficio)|resposta autom|fora do escrit|afwezig"
    r"|automatisch antwoord|fr[åa]nvaro|autosvar|automatisk svar|frav[æa]r|poissa|lomalla|odpowied[źz] automat"
    r"|nieobecno|poza biurem|mimo kancel|automatick[áa] odpov|h[áa]zon k[ií]v[üu]l|otomatik|ofis d[ıi][şs][ıi]"
    r"|автоответ|автоматическ|отпуск|вне офиса|自動返信|自動応答|不在|自动回复|自動回覆|外出|자동 ?응답|부재"
    r"|ticket received|we (?:have )?received your|thank you for (?:your|contacting)"
    r")",
    re.IGNORECASE,
).search


def is_certain(message: Message) -> bool:
    """Return whether a program answers for a person, whatever its words say of mails that do not arrive.

    Servers mark their reports as automatic too; so a mark counts only where the subject is none of theirs.
    """
    if "X-Failed-Recipients" in message:
        return False
    if _is_receipt(message):
        return True
    subject = parts.read_header(message, "Subject")
    is_reply = any(name in message for name in _MARKS_OF_PEOPLE) or _SUBJECT(subject)
    if not is_reply and parts.read_header(message, "Precedence").lower() not in _PRECEDENCES:
        return False
    return not (plain_text.is_robot(message) and plain_text.is_failure_subject(subject))


def _is_receipt(message: Message) -> bool:
    return parts.read_parameter(message, "report-type") == "disposition-notification" or any(
        part.get_content_type() == "message/disposition-notification" for part in message.walk()
    )


def is_automatic(message: Message) -> bool:
    """Return whether a program wrote the message. Reports about deliveries are recognised before."""
    submitted = parts.read_header(message, "Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if _is_receipt(message):
        return True
    if any(name in message for name in _MARKS):
        return True
    if parts.read_header(message, "Precedence").lower() in _PRECEDENCES:
        return True
    return bool(_SUBJECT(parts.read_header(message, "Subject")))
