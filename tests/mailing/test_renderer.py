"""The renderer: content that breaks its reader costs one request, and never the process that asked."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mailing import content, renderer
from mailing.renderer import client
from tests.factories import EmailCampaignFactory
from tests.waiting import wait_for

from .content.corpus import LINKS, RECIPIENTS, TEMPLATES, UNSUBSCRIBE, source

ADA = content.Recipient("ada@shop.test", {"huge": 10**40, "list": [1, None, 1.5, {"a": "ü"}]}, "Ada")
# Takes a while, on purpose, within all limits
SLOW = source("{% for i in (1..9999) %}{{ i | plus: 1 | times: 3 }}{% endfor %}" + UNSUBSCRIBE)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_it_gives_what_the_content_package_gives(name):
    template, recipient = TEMPLATES[name], RECIPIENTS["plain"]
    compiled = renderer.compile_content(template)
    assert compiled.dump() == content.compile(template).dump()
    shown = renderer.render_preview(template, recipient)
    assert shown.text == content.render_preview(template, recipient).text
    assert renderer.find_problems(template, [recipient]) == content.find_problems(template, [recipient])
    [mail] = renderer.make_messages(template, [recipient], LINKS)
    assert mail.partition(b"\r\n\r\n")[2] == compiled.render(recipient, LINKS).partition(b"\r\n\r\n")[2]


def test_values_of_every_kind_reach_it():
    shown = renderer.render_preview(
        source("<p>{{ huge }} {{ list[2] }} {{ list[3].a }} {{ first_name }}"), ADA
    )
    assert f"{10**40} 1.5 ü Ada" in shown.html


def test_an_error_keeps_its_sentence_and_its_field():
    with pytest.raises(content.ContentError, match="Subject, line 1: ") as caught:
        renderer.render_preview(source("<p>x", subject="{% if %}"), ADA)
    assert caught.value.field == "subject"
    assert not isinstance(caught.value, renderer.RendererFailed)


def test_a_preview_takes_less_than_a_tenth_of_a_second_more_than_the_content_itself():
    template = TEMPLATES["conditions"]
    renderer.render_preview(template, ADA)

    def least(make) -> float:
        times = []
        for _ in range(10):
            started = time.monotonic()
            make(template, ADA)
            times.append(time.monotonic() - started)
        return min(times)

    assert least(renderer.render_preview) < least(content.render_preview) + 0.1


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def renderer_pid() -> int:
    assert client.renderer.process
    return client.renderer.process.pid


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@linux
def test_a_reader_that_falls_over_costs_one_request():
    renderer.render_preview(source("<p>x"), ADA)
    before, said = renderer_pid(), []

    def ask() -> None:
        said.extend(renderer.find_problems(SLOW, [ADA] * 30))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: children(before))
    assert "x" in renderer.render_preview(source("<p>x"), ADA).html, "others are answered meanwhile"
    wait_for(lambda: len(children(before)) == 1)  # until that of the others is gone
    [forked] = children(before)
    os.kill(forked, signal.SIGSEGV)
    thread.join(10)
    sentence = "It cannot be made: something in it is nested too deeply or broken."
    assert said == [("body", sentence)]
    assert "x" in renderer.render_preview(source("<p>x"), ADA).html
    assert renderer_pid() == before


def test_a_renderer_that_was_killed_is_started_again():
    renderer.render_preview(source("<p>x"), ADA)
    before = renderer_pid()
    os.kill(before, signal.SIGKILL)
    assert "x" in renderer.render_preview(source("<p>x"), ADA).html
    assert renderer_pid() != before


def test_many_are_answered_at_once():
    shown: list[str] = []

    def ask(number: int) -> None:
        shown.append(renderer.render_preview(source(f"<p>[{number}]"), ADA).text.strip())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(shown) == sorted(f"[{number}]" for number in range(12))


@linux
def test_it_ends_with_the_process_that_started_it():
    program = (
        "import os, signal, sys; from mailing import renderer; from mailing.renderer import client\n"
        "renderer.start(); print(client.renderer.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    ).stdout
    pid = int(printed)
    deadline = time.monotonic() + 20
    while (
        Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[-1][:3]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@linux
def test_it_knows_no_secret_and_no_database():
    renderer.start()
    variables = Path(f"/proc/{renderer_pid()}/environ").read_bytes()
    assert b"DATABASE_URL" not in variables
    assert b"SECRET_KEY" not in variables


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("while True: pass", signal.SIGXCPU),
        ("import time; time.sleep(60)", signal.SIGALRM),
    ],
)
def test_a_request_ends_by_itself_when_it_takes_too_long(what, number):
    limits = "from mailing.renderer import server; server.PROCESSOR_LIMIT = server.TIME_LIMIT = 1\n"
    if number == signal.SIGXCPU:
        limits = "from mailing.renderer import server; server.PROCESSOR_LIMIT = 1; server.TIME_LIMIT = 60\n"
    program = f"{limits}server._limit_itself()\n{what}"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == -number


def test_a_request_gets_no_more_memory_than_it_may():
    program = "from mailing.renderer import server; server._limit_itself(); bytearray(1 << 31)"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert b"MemoryError" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["<mj-wrapper>" * 500 + "</mj-wrapper>" * 500, "<mj-section>"])
def test_a_draft_whose_content_breaks_its_reader_opens_for_everybody(client, marketer, body):
    campaign = EmailCampaignFactory(
        created_by=marketer, body=f"<mjml><mj-body>{body}</mj-body></mjml>", body_format="mjml"
    )
    for address in ("", "edit/", "preview/"):
        assert client.get(f"/campaigns/email/{campaign.pk}/{address}").status_code == 200
    assert client.get(f"/campaigns/{campaign.pk}/launch/").status_code in (200, 302)


@pytest.mark.django_db
def test_a_page_says_so_when_the_renderer_gives_up(client, marketer, monkeypatch):
    def give_up(*_: object) -> None:
        raise renderer.RendererFailed("It takes more than 5 seconds to make", "body")

    monkeypatch.setattr(renderer, "render_preview", give_up)
    monkeypatch.setattr(
        renderer, "find_problems", lambda *_: [("body", "It takes more than 5 seconds to make.")]
    )
    campaign = EmailCampaignFactory(created_by=marketer, body="<p>x</p>", body_format="html")
    for address in ("", "edit/", "preview/"):
        answer = client.get(f"/campaigns/email/{campaign.pk}/{address}")
        assert answer.status_code == 200
    assert "It takes more than 5 seconds to make" in answer.content.decode()
