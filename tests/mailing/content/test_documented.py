"""docs/writing-mails.md, read as its reader would try it: what it promises is what comes out."""

import re
from pathlib import Path

import pytest

from mailing import content
from mailing.content import Recipient, Source, render_preview

DOCUMENT = (Path(__file__).parents[3] / "docs" / "writing-mails.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \|$", DOCUMENT, re.MULTILINE)
BULLETS = {
    name: " ".join(text.split())
    for name, text in re.findall(r"^- \*\*([^*]+)\*\*(.*?)(?=^- |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
}
ADA = Recipient(
    "ada@example.com",
    {"city": "Wien", "member_since": "2025-03-01", "voucher": 12.5, "dishes": ["soup", "bread"]},
    first_name="Ada",
)


def read_by_ada(written, body_format="html", **attributes):
    source = Source(subject="S", from_email="shop@example.com", body=written, body_format=body_format)
    recipient = Recipient(ADA.email, {**ADA.attributes, **attributes}, first_name=ADA.first_name)
    return render_preview(source, recipient)


def examples_in(bullet):
    return re.findall(r"`([^`]+)`", bullet)


@pytest.mark.parametrize(("written", "read"), ROWS, ids=[written for written, _ in ROWS])
def test_an_example_of_the_table_comes_out_as_it_says(written, read):
    assert len(ROWS) >= 10
    assert read_by_ada(written.replace("\\|", "|")).text.strip() in read.split(" *or* ")


@pytest.mark.parametrize("date", examples_in(BULLETS["Dates"].partition(", with the names")[0]))
def test_a_way_to_write_a_date_is_read(date):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", read_by_ada('{{ on | date: "%Y-%m-%d" }}', on=date).text.strip())


def test_march_stands_where_the_language_puts_it():
    assert "`03/04/2016`" in BULLETS["Dates"]
    assert read_by_ada('{{ "03/04/2016" | date: "%B" }}').text.strip() == "March"


@pytest.mark.parametrize(
    "tag", examples_in(BULLETS["Merge tags of other programs"].partition(" are named")[0])
)
def test_a_merge_tag_of_another_program_is_named(tag):
    assert content.find_foreign_tags(tag)


def test_what_is_to_be_read_as_it_stands_does():
    assert "`\\{name\\}`" in BULLETS["Merge tags of other programs"]
    assert read_by_ada("\\{name\\}").text.strip() == "{name}"
    assert read_by_ada("{% raw %}{{ name }}{% endraw %}").text.strip() == "{{ name }}"
    assert examples_in(BULLETS["Bare addresses"])[:3] == ["https://…", "www.…", "ada@shop.test"]
    shown = read_by_ada("https://a.example www.b.example ada@shop.test shop.test file.md", "markdown").html
    assert re.findall(r'href="([^"]+)"', shown) == [
        "https://a.example",
        "https://www.b.example",
        "mailto:ada@shop.test",
    ]


def test_raised_and_struck_digits_are_told_in_text():
    assert "`9<sup>99</sup>` is 9.99" in BULLETS["Plain text"]
    assert read_by_ada("9<sup>99</sup>").text.strip() == "9.99"
    assert "`~~9,99 €~~`" in BULLETS["Plain text"]
    assert read_by_ada("<s>9,99 €</s>").text.strip() == "~~9,99 €~~"


def test_every_other_word_of_liquid_in_the_document_can_be_read():
    for written in re.findall(r"`(\{\{ [^`]+ \}\})`", DOCUMENT):
        read_by_ada(written.replace("\\|", "|"))
