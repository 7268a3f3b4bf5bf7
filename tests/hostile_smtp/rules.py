"""When the hostile server fails, and how: the language of its rules and its other settings."""

import random
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

STAGES = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "ack", "rset", "quit")

CONVERTERS: dict[str, Callable[[str], Any]] = {
    "p": float,
    "of": float,
    "to": re.compile,
    "after": int,
    "times": int,
}


@dataclass
class Rule:
    """One line of the language above."""

    text: str
    stage: str = field(init=False)
    action: str = field(init=False)
    p: float = field(init=False, default=1.0)
    of: float = field(init=False, default=1.0)
    to: re.Pattern[str] | None = field(init=False, default=None)
    after: int = field(init=False, default=0)
    times: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.stage, *words = self.text.split(" ")
        if self.stage not in STAGES:
            raise ValueError(f"{self.text!r}: {self.stage!r} is no stage; they are {', '.join(STAGES)}.")
        while words and (found := re.fullmatch(r"(p|of|to|after|times)=(.+)", words[0])):
            setattr(self, found[1], CONVERTERS[found[1]](found[2]))
            words.pop(0)
        self.action = " ".join(words)
        if not re.match(
            r"[2-5]\d\d\b|(drop|stall|freeze|hold|flood)$|delay [\d.]+$|(raw|half) ", self.action
        ):
            raise ValueError(f"{self.text!r}: {self.action!r} is no action.")

    def matches(self, recipient: str, messages: int, chance: random.Random) -> bool:
        if self.times == 0 or messages < self.after or (self.to and not self.to.search(recipient)):
            return False
        if self.of < 1 and zlib.crc32(recipient.encode()) % 10_000 >= self.of * 10_000:
            return False
        if self.p < 1 and chance.random() >= self.p:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def parse(*rules: str) -> list[Rule]:
    return [Rule(rule) for rule in rules]


@dataclass
class Settings:
    """rate: messages a second, above it 454 at MAIL. latency: seconds every answer takes. login: "user:password".

    tokens: access tokens that AUTH XOAUTH2 takes, by user.
    lax: 1 answers 354 to DATA whatever was said to MAIL and RCPT.
    """

    rules: list[Any] = field(default_factory=list)
    max_connections: int = 0
    messages_per_connection: int = 0
    rate: float = 0.0
    latency: float = 0.0
    login: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    logins_offered: str = "PLAIN LOGIN"
    extensions: str = "PIPELINING,8BITMIME,SMTPUTF8,ENHANCEDSTATUSCODES,SIZE 50000000"
    lax: int = 0
    keep_every: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        self.rules = [rule if isinstance(rule, Rule) else Rule(rule) for rule in self.rules]

    def change(self, **changes: Any) -> None:
        """Every field by its name; rules as texts. A name that is none raises."""
        known = {f.name for f in fields(self)}
        if unknown := set(changes) - known:
            raise ValueError(f"No such setting: {', '.join(sorted(unknown))}.")
        for name, value in changes.items():
            setattr(self, name, value)
        self.__post_init__()
