"""Before a launch: everything that is wrong, in one list, each with its field and a sentence."""

import subprocess
import sys

import pytest

from mailing.content import ContentError, Recipient, Source, compile, find_problems

from .corpus import RECIPIENTS, TEMPLATES, UNSUBSCRIBE, recipient, source

KNOWN = (
    "city",
    "points",
    "vip",
    "tags",
    "renewal",
    "balance",
    "shop_page",
    "customer_id",
    "address",
    "nothing",
    "m",
    "n",
)
SAMPLES = list(RECIPIENTS.values())


@pytest.mark.parametrize("name", [name for name in TEMPLATES if not name.startswith("only")])
def test_content_that_is_right_has_no_problems(name):
    lone_bar = 1 if name == "spintax" else 0  # there on purpose, and it looks like a slip
    assert len(find_problems(TEMPLATES[name], SAMPLES, KNOWN)) == lone_bar


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"subject": " "}, "subject", "The subject is empty."),
        ({"body": "\n"}, "body", "The body is empty."),
        ({"body": "<p>x</p>"}, "body", "Body: no unsubscribe link; put {{ unsubscribe_url }} where it should lead."),
        ({"text": "x"}, "text", "Text part: no unsubscribe link; put {{ unsubscribe_url }} where it should lead."),
        ({"subject": "a\r\nBcc: b@c.test"}, "subject", "Subject: must be one line, without control characters."),
        ({"from_name": "a\nb"}, "from_name", "Sender's name: must be one line, without control characters."),
        ({"from_email": "a@b.test\r\nX: y"}, "from_email",
         "Sender's address: must be one line, without control characters."),
        ({"from_email": ""}, "from_email", "Sender's address: “” is not an e-mail address."),
        ({"from_email": "a@b.test, c@d.test"}, "from_email",
         "Sender's address: “a@b.test, c@d.test” is not an e-mail address."),
        ({"reply_to": "me"}, "reply_to", "Reply to: “me” is not an e-mail address."),
        ({"list_id": "a b"}, "list_id", "List id: “a b” is not a domain name."),
        ({"domain": "x>"}, "domain", "Domain: “x>” is not a domain name."),
        ({"feedback": ("a", "b:c")}, "feedback", "Feedback: “b:c” must be ASCII, without spaces and colons."),
        ({"locale": "klingon"}, "locale", "Locale: “klingon” is not a language we know."),
        ({"currency": "euro"}, "currency", "Currency: “euro” is not a three-letter code."),
        ({"time_zone": "Mars/Base"}, "time_zone", "Time zone: “Mars/Base” is not known."),
        ({"subject": "{{ city"}, "subject", "Subject, line 1: expected '}}', found end of file."),
        ({"body": f"{UNSUBSCRIBE}\n{{% if %}}x{{% endif %}}"}, "body", "Body, line 2: missing expression."),
        ({"body": f"{UNSUBSCRIBE}\n\n{{{{ city | shout }}}}"}, "body", "Body, line 3: there is no filter shout."),
        ({"body": UNSUBSCRIBE + "{{ city | upcse }}"}, "body",
         "Body, line 1: there is no filter upcse. Did you mean upcase?"),
        ({"body": UNSUBSCRIBE + "{% include 'x' %}"}, "body", "Body, line 1: unexpected tag 'include'."),
        ({"body": UNSUBSCRIBE + "\n{{ ctiy }}"}, "body",
         "Body, line 2: no contact has a field ctiy. Did you mean city?"),
        ({"preheader": "{{ nmae }}"}, "preheader", "Preheader, line 1: no contact has a field nmae."),
        ({"from_name": "{{ frist_name }}"}, "from_name",
         "Sender's name, line 1: no contact has a field frist_name. Did you mean first_name?"),
        ({"subject": "{a|b"}, "subject",
         "Subject: “{a|b” looks like spintax, but a tag or the end of its text cuts it; "
         "write \\{ or \\} for a brace that means itself."),
        ({"body": UNSUBSCRIBE + "<p>{<b>a</b>|b}</p>"}, "body",
         "Body: “|b}” looks like spintax, but a tag or the end of its text cuts it; "
         "write \\{ or \\} for a brace that means itself."),
    ],
)  # fmt: skip
def test_each_thing_wrong_is_one_sentence_about_its_field(fields, field, sentence):
    wrong = Source(**{"subject": "News", "from_email": "news@shop.test", "body": UNSUBSCRIBE} | fields)
    assert find_problems(wrong, [recipient(city="Leeds")]) == [(field, sentence)]


def test_everything_wrong_is_in_one_list():
    wrong = Source(
        subject="", from_email="x", body="{{ city | shout }}{{ ctiy }}", preheader="{% if %}", locale="?"
    )
    assert [field for field, _ in find_problems(wrong, [recipient(city="Leeds")])] == [
        "subject", "from_email", "locale", "preheader", "body", "body", "body",
    ]  # fmt: skip


def test_mjml_that_does_not_compile_is_a_problem_of_the_body():
    wrong = source(f"<mjml><mj-body>{UNSUBSCRIBE}<mj-section></mj-body></mjml>", body_format="mjml")
    [(field, sentence)] = find_problems(wrong)
    assert field == "body"
    assert sentence.startswith("The MJML does not compile: ")


def test_what_goes_wrong_for_some_names_the_first_and_counts_the_rest():
    samples = [Recipient(f"{n}@example.test", {"n": n, "city": "x" if n else ""}) for n in (4, 0, 2, 0)]
    wrong = source(UNSUBSCRIBE + "\n{{ 8 | divided_by: n }}", subject="{{ city }}")
    assert find_problems(wrong, samples) == [
        (
            "body",
            "Body, for 0@example.test and 1 more: {{ 8 | divided_by: n }}: divided_by: can't divide by 0.",
        )
    ]
    right = source(UNSUBSCRIBE, subject="{{ city }}")
    assert find_problems(right, samples) == [
        ("subject", "Subject, for 0@example.test and 1 more: it is empty.")
    ]


def test_an_unsubscribe_link_that_a_condition_hides_is_missed():
    hidden = source("{% if vip %}" + UNSUBSCRIBE + "{% endif %}")
    samples = [recipient(vip=True), recipient(vip=False)]
    assert find_problems(hidden, samples[:1]) == []
    assert find_problems(hidden, samples) == [
        ("body", "Body, for ada@example.test: it has no unsubscribe link.")
    ]


def test_an_email_that_mail_clients_would_cut_off_is_too_large():
    at_limit = source(f"<body>{UNSUBSCRIBE}{{{{ city }}}}</body>", track_opens=False)
    small, large = recipient(city="x" * 102 * 1024), Recipient("big@example.test", {"city": "é" * 52 * 1024})
    [(field, sentence)] = find_problems(at_limit, [small, large])
    assert (field, sentence) == (
        "body",
        "Body: 104 KB for big@example.test; over 102 KB mail clients cut an e-mail off.",
    )
    assert find_problems(at_limit, [recipient(city="x" * 101 * 1024)]) == []


def test_without_samples_the_content_is_tried_on_somebody_without_values():
    assert find_problems(source(UNSUBSCRIBE + "{{ city | default: 'there' }}"), known=["city"]) == []
    assert find_problems(source(UNSUBSCRIBE, subject="{{ city }}"), known=["city"]) == [
        ("subject", "Subject, for someone@example.com: it is empty.")
    ]


def test_what_is_wrong_does_not_compile():
    with pytest.raises(ContentError, match="The subject is empty") as caught:
        compile(source("x", subject=""))
    assert caught.value.field == "subject"


def test_content_needs_no_django():
    program = "import sys, mailing.content; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
