"""Refusals as real servers word them, and what is made of each: replies.tsv, one line for each."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailing.smtp.phrases import Meaning, find_meaning, plain_words, read_table
from mailing.smtp.replies import RawReply, Reply, Stage
from mailing.smtp.server import Server
from mailing.smtp.sessions import judge_session
from mailing.smtp.verdicts import Kind, classify


class Case(NamedTuple):
    stage: Stage
    reply: Reply
    kind: Kind
    is_suppressed: bool


def read_cases() -> list[Case]:
    cases = []
    for line in Path(__file__).with_name("replies.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        stage, text, kind, suppress, _ = line.split("\t")
        parts = text.split("\\n")
        code = int(parts[0][:3])
        lines = [parts[0][4:]] + [re.sub(rf"^{code}[ -]", "", part) for part in parts[1:]]
        reply = RawReply(code, tuple(part.encode() for part in lines)).decode()
        cases.append(Case(Stage(stage), reply, Kind(kind), suppress == "yes"))
    return cases


CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.stage} {case.reply}"[:90] for case in CASES])
def test_a_real_refusal_is_taken_for_what_it_means(case):
    verdict = classify(case.stage, case.reply)
    assert (verdict.kind, verdict.suppress) == (case.kind, case.is_suppressed), find_meaning(case.reply.text)


def test_the_cases_cover_every_stage_kind_and_meaning():
    assert len(CASES) >= 250
    assert {case.stage for case in CASES} >= set(Stage) - {Stage.STARTTLS, Stage.RSET}
    assert {case.kind for case in CASES} == set(Kind) - {Kind.ACCEPTED}
    assert {find_meaning(case.reply.text) for case in CASES} >= set(Meaning)


def test_every_pattern_of_the_table_has_a_source_and_is_well_formed():
    table = read_table()
    assert {phrase.meaning for phrase in table} == set(Meaning)
    for phrase in table:
        assert len(phrase.source) > 10, phrase
        assert re.compile(re.sub(r"\{(?:who|no|address)\}", "x", phrase.pattern)), phrase


@pytest.mark.parametrize(
    "address",
    ["spam@block.example", "relay.denied@blacklist.example", "quota.full@later.example", "<a b@c.test>"],
)
@pytest.mark.parametrize("frame", ["<{}>", "{}", "({})", '"{}"'])
def test_nobody_is_judged_by_the_name_in_their_address(address, frame):
    reply = Reply(550, "5.1.1", f"{frame.format(address)} user unknown")
    assert classify(Stage.RCPT, reply) == classify(Stage.RCPT, Reply(550, "5.1.1", "user unknown"))


def test_a_link_is_read_by_its_host_alone():
    assert (
        find_meaning("User unknown, see https://help.example/spam/blocked-senders")
        is Meaning.NO_SUCH_RECIPIENT
    )
    assert find_meaning("see https://www.spamhaus.org/query") is Meaning.LISTED
    assert "nosuchuser" in plain_words("go to https://support.google.com/mail/?p=NoSuchUser x1 - gsmtp")


@given(st.sampled_from(list(Stage)), st.integers(400, 499), st.text(max_size=80))
def test_no_refusal_for_now_suppresses_or_gives_anybody_up(stage, code, text):
    verdict = classify(stage, Reply(code, "", text))
    assert not verdict.suppress
    assert verdict.kind not in (Kind.HARD, Kind.ACCEPTED)


@given(
    st.sampled_from([Stage.RCPT, Stage.DATA, Stage.DOT]),
    st.sampled_from(["5.1.1", "5.1.2", "5.2.1", "5.1.10", ""]),
    st.sampled_from(
        [
            "too many messages",
            "this hour",
            "too quickly",
            "later",
            "temporarily",
            "blocked using x",
            "192.0.2.1",
        ]
    ),
)
def test_words_about_us_or_about_a_moment_save_the_address_whatever_the_code(stage, enhanced, words):
    assert not classify(stage, Reply(550, enhanced, f"rejected: {words}")).suppress


def test_a_refusal_that_names_our_own_login_stops_the_connection_and_suppresses_nobody():
    server = Server("mx.test", username="shop@shop.example")
    ours = Reply(550, "5.1.1", "The account <Shop@shop.example> is disabled")
    theirs = Reply(550, "5.1.1", "The account <ada@post.example> is disabled")
    assert judge_session(server, 0, Stage.RCPT, ours).kind is Kind.CONNECTION
    assert judge_session(server, 0, Stage.RCPT, theirs).kind is Kind.HARD
