"""The door for cases from outside answers in the shapes that it promises."""

import pytest

from tests import outside


def test_a_mail_is_previewed_for_its_recipient():
    seen = outside.preview_mail(
        '<p>Hi {{ first_name }} of {{ city }}</p><p><a href="https://shop.test/a">A</a></p>'
        '<p><a href="{{ unsubscribe_url }}">U</a></p>',
        "html",
        {"city": "Rome"},
        subject="For {{ first_name }}",
    )
    assert (seen["subject"], seen["links"], seen["problems"]) == ("For Ada", ["https://shop.test/a"], [])
    assert "Hi Ada of Rome" in seen["html"]
    assert "https://m.shop.test/u/tok" in seen["text"]


def test_a_body_that_does_not_compile_is_an_error():
    assert "error" in outside.preview_mail("{% if %}", "html", {})


def test_an_address_is_normalised_or_refused():
    assert outside.normalise_address(" Ada@X.test ") == "ada@x.test"
    with pytest.raises(ValueError, match="not an e-mail address"):
        outside.normalise_address("ada")


def test_a_reply_is_classified():
    assert outside.classify_reply("rcpt", 550, ["5.1.1 User unknown"]) == {"kind": "hard", "suppress": True}


@pytest.mark.django_db
def test_a_file_is_imported():
    seen = outside.import_contacts(
        b"email,first name,plan\nada@x.test,Ada,gold\nnobody,,\n", [{"email": "ada@x.test", "points": 3}]
    )
    assert seen["columns"] == [("email", "email"), ("first name", "first_name"), ("plan", "plan")]
    (ada,) = seen["contacts"]
    assert (ada["email"], ada["first_name"], ada["attributes"]) == (
        "ada@x.test",
        "Ada",
        {"points": 3, "plan": "gold"},
    )
    assert (ada["plan"], [line for line, _ in seen["refused"]]) == ("gold", [2])
    assert "error" in outside.import_contacts(b"")
    assert "which column holds" in outside.import_contacts(b"a,b\n1,2\n")["error"]


@pytest.mark.django_db
def test_a_segment_chooses():
    tree = {"field": "plan", "op": "equals", "value": "gold"}
    people = [{"email": "a@x.test", "plan": "gold"}, {"email": "b@x.test"}]
    assert outside.choose_contacts(tree, people) == ["a@x.test"]
