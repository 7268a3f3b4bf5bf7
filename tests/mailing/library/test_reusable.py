"""Templates and blocks: those that come with the product, their pages, and what the editor takes from them."""

import re
from importlib import import_module

import msgspec
import pytest
from django.apps import apps
from django.conf import settings

from campaigns import editions
from mailing import renderer
from mailing.library import insertions, reusable, seeds
from mailing.models import Block, EmailCampaign, MailTemplate
from mailing.models.email import STORED_LETTERS
from tests.factories import (
    BlockFactory,
    ContactFactory,
    EmailCampaignFactory,
    MailTemplateFactory,
    UserFactory,
    user_in,
)
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def fill_form(**changes) -> dict[str, str]:
    return {
        "name": "Letter", "description": "", "subject": "News", "preheader": "", "kind": "other", "body_format": "html",
        "body": "<p>Hello</p>",
    } | changes  # fmt: skip


# ── those that come with the product ─────────────────────────────────────────────────────────────────────────────────


LANGUAGES = [language for language, _ in settings.LANGUAGES]


@pytest.mark.parametrize("file", seeds.TEMPLATES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_made_from_a_ready_template_passes_all_checks(file, language):
    template = seeds.make_template(file, language)
    source, reader = reusable.build_sample(template)
    source = msgspec.structs.replace(source, from_email="us@shop.example", from_name="The shop")
    if "offer." not in template.body:
        source = msgspec.structs.replace(source, offer=None)
    nobody = msgspec.structs.replace(reader, first_name="", attributes={"offer": reader.attributes["offer"]})
    assert renderer.find_problems(source, [reader, nobody], ["city"]) == []
    review = renderer.review_content(source, reader)
    assert (review.poor_contrasts, review.heading_jumps, review.pictures_without_alt) == ([], [], [])


@pytest.mark.parametrize("file", seeds.BLOCKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_ready_block_can_be_shown(file, language):
    shown = reusable.render_sample(seeds.make_block(file, language))
    assert len(shown.text) > 5


def test_they_are_made_once_and_what_people_did_with_them_stays():
    MailTemplate.objects.filter(name="Welcome").update(name="Hello", body="ours")
    Block.objects.filter(name="Header").delete()
    before = [*MailTemplate.objects.values()], [*Block.objects.values()]
    seeds.make_ready_content()
    assert ([*MailTemplate.objects.values()], [*Block.objects.values()]) == before
    assert MailTemplate.objects.count() == len(seeds.TEMPLATES) * len(LANGUAGES)


def list_words(text):
    """The words of a body that its readers read: no tags, addresses, variables or filters."""
    return set(re.findall(r"[^\W\d_]{3,}", re.sub(r"<[^>]*>|\{[{%].*?[%}]\}|\]\([^)]*\)", " ", text)))


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("file", [*seeds.TEMPLATES, *(f"blocks/{file}" for file in seeds.BLOCKS)])
def test_ready_content_has_the_tags_and_variables_of_the_english_and_none_of_its_words(file, language):
    english = (seeds.find_folder("en") / file).read_text()
    other = (seeds.find_folder(language) / file).read_text()
    same = {"Code", "Name", "code", "mail", "site"}  # written alike
    assert list_words(other) & list_words(english) - same == set()
    assert re.findall(r"</?[a-z-]+|_url|offer\.\w+", other) == re.findall(
        r"</?[a-z-]+|_url|offer\.\w+", english
    )


def test_each_person_is_offered_what_is_ready_in_their_language_and_what_is_of_colleagues(client, marketer):
    MailTemplate.objects.create(name="Ours", body="Hello")
    Block.objects.create(name="Our block", body="Hello", kind=Block.Kind.TEXT)
    for path in ("/templates/", "/templates/choose/", "/campaigns/email/insert/", "/blocks/"):
        shown = {tag: open_page(client, path, tag) for tag in LANGUAGES}
        names = {"en": "Plain letter", "de": "Einfacher Brief", "fr": "Lettre simple"}
        if path in ("/campaigns/email/insert/", "/blocks/"):
            names = {"en": "Text with a button", "de": "Text mit Schaltfläche", "fr": "Texte avec bouton"}
        for tag in LANGUAGES:
            assert ("Ours" if "templates" in path else "Our block") in shown[tag], path
            assert [name for name in names.values() if name in shown[tag]] == [names[tag]], (path, tag)
    assert "Lettre simple" in open_page(client, "/templates/?all", "de")


def open_page(client, path, language):
    return client.get(path, headers={"accept-language": language}).content.decode()


def test_the_ready_offer_names_no_minimum_and_no_end_where_there_is_none():
    source, reader = reusable.build_sample(seeds.make_template("offer.mjml"))
    offer = reader.attributes["offer"] | {"ends_at": "", "until": ""}
    text = renderer.render_preview(source, msgspec.structs.replace(reader, attributes={"offer": offer})).text
    assert "SAMPLE-7K2P" in text
    assert "Good until" not in text
    assert "From" not in text


# ── their pages ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("shelf", "model"), [("templates", MailTemplate), ("blocks", Block)])
def test_one_is_written_edited_copied_archived_and_put_back(client, marketer, shelf, model):
    answer = client.post(f"/{shelf}/new/", fill_form())
    row = model.objects.get(name="Letter")
    assert (answer.headers["Location"], row.by) == (f"/{shelf}/{row.pk}/edit/", marketer)
    client.post(f"/{shelf}/{row.pk}/edit/", fill_form(body="<p>Other</p>"))
    row.refresh_from_db()
    assert "Other" in row.body
    client.post(f"/{shelf}/{row.pk}/duplicate/")
    assert model.objects.get(name="Copy of Letter").body == row.body
    client.post(f"/{shelf}/{row.pk}/archive/")
    assert f"/{shelf}/{row.pk}/look/" not in page(client, f"/{shelf}/")
    assert f"/{shelf}/{row.pk}/look/" in page(client, f"/{shelf}/?archived")
    client.post(f"/{shelf}/{row.pk}/restore/")
    assert f"/{shelf}/{row.pk}/look/" in page(client, f"/{shelf}/")
    assert client.post(f"/{shelf}/new/", fill_form(name="")).status_code == 422


@pytest.mark.parametrize(("shelf", "model"), [("templates", MailTemplate), ("blocks", Block)])
def test_nobody_saves_over_what_somebody_else_saved_meanwhile(client, marketer, shelf, model):
    client.post(f"/{shelf}/new/", fill_form())
    row = model.objects.get(name="Letter")
    address = f"/{shelf}/{row.pk}/edit/"
    seen = client.get(address).context["seen"]
    client.post(address, fill_form(description="For spring", seen=seen))
    answer = client.post(address, fill_form(description="For autumn", seen=seen))
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "For autumn" in shown  # what was typed is still there
    assert "while this form was open" in shown
    row.refresh_from_db()
    assert row.description == "For spring"
    again = fill_form(description="For autumn", seen=answer.context["seen"])
    assert client.post(address, again).status_code == 302
    row.refresh_from_db()
    assert row.description == "For autumn"


def test_more_than_a_million_letters_are_not_stored(client, marketer):
    answer = client.post("/templates/new/", fill_form(body="x" * (STORED_LETTERS + 1)))
    assert answer.status_code == 422
    assert "1000000 characters" in answer.content.decode()
    assert not MailTemplate.objects.filter(name="Letter").exists()


def test_a_template_is_made_of_a_mail(client, marketer):
    mail = EmailCampaignFactory(name="Spring", subject="Tulips", body="# Tulips", body_format="markdown")
    assert f"/templates/new/?campaign={mail.pk}" in page(client, f"/campaigns/email/{mail.pk}/edit/")
    form = client.get(f"/templates/new/?campaign={mail.pk}").context["form"]
    assert [form[name].value() for name in ("name", "subject", "body", "body_format")] == [
        "Spring", "Tulips", "# Tulips", "markdown",
    ]  # fmt: skip


def test_a_mail_begins_with_a_template(client, marketer):
    template = MailTemplateFactory(subject="Tulips", body="<p>Tulips</p>", body_format="html")
    assert f"?template={template.pk}" in page(client, "/templates/choose/")
    form = client.get(f"/campaigns/email/new/?template={template.pk}").context["form"]
    assert [form[name].value() for name in ("subject", "body", "body_format")] == [
        "Tulips", "<p>Tulips</p>", "html",
    ]  # fmt: skip
    assert client.get("/campaigns/email/new/?template=99999").status_code == 404
    begun = client.get(f"/templates/{template.pk}/content.json").json()
    assert begun == {"subject": "Tulips", "preheader": "", "body": "<p>Tulips</p>", "body_format": "html"}
    dialog = client.get("/templates/choose/", **HTMX).content.decode()
    assert "<html" not in dialog
    assert f'data-template="/templates/{template.pk}/content.json"' in dialog


def test_how_one_looks_runs_nothing_and_loads_pictures_of_this_site_only(client, marketer, settings):
    template = MailTemplateFactory(body="<p>Hi {{ first_name }}</p><script>alert(1)</script>")
    answer = client.get(f"/templates/{template.pk}/look/")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert f"img-src data: cid: {settings.PUBLIC_URL};" in policy
    broken = BlockFactory(body="{% if %}")
    assert "It cannot be shown" in client.get(f"/blocks/{broken.pk}/look/").content.decode()


@pytest.mark.parametrize("shelf", ["templates", "blocks"])
def test_analysts_look_and_change_nothing(client, shelf):
    row = MailTemplateFactory() if shelf == "templates" else BlockFactory()
    client.force_login(user_in("Analysts"))
    shown = page(client, f"/{shelf}/")
    assert "/duplicate/" not in shown
    assert client.get(f"/{shelf}/{row.pk}/look/").status_code == 200
    for act in ("edit", "duplicate", "archive", "restore"):
        assert client.post(f"/{shelf}/{row.pk}/{act}/", fill_form()).status_code == 403
    assert client.post(f"/{shelf}/new/", fill_form()).status_code == 403
    client.force_login(UserFactory())
    closed = [
        f"/{shelf}/",
        f"/{shelf}/{row.pk}/look/",
        f"/{shelf}/{row.pk}/content.json",
        "/templates/choose/",
    ]
    assert {client.get(path).status_code for path in closed} == {403}


def test_the_lists_ask_a_fixed_number_of_queries(client, marketer, django_assert_max_num_queries):
    MailTemplateFactory.create_batch(20)
    with django_assert_max_num_queries(9):
        client.get("/templates/")


# ── the insert menu ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_menu_offers_fields_that_contacts_have_and_blocks(client, marketer):
    ContactFactory(attributes={"plan": "gold", "not a name": 1})
    block, archived = BlockFactory(name="Our header"), BlockFactory(name="Old header")
    reusable.set_archived(archived, is_archived=True)
    shown = page(client, "/campaigns/email/insert/")
    assert "{{ first_name | default: &quot;there&quot; }}" in shown
    assert "{{ plan | default: &quot;&quot; }}" in shown
    assert "not a name" not in shown
    assert f"/blocks/{block.pk}/content.json" in shown
    assert "Old header" not in shown
    assert client.get(f"/blocks/{block.pk}/content.json").json() == {"body": "<p>A block</p>"}
    client.force_login(UserFactory())
    assert client.get("/campaigns/email/insert/").status_code == 403


@pytest.mark.parametrize("form", ["html", "markdown", "mjml"])
def test_all_that_the_menu_inserts_can_be_sent(form):
    """Each entry alone in a body, which then has no problem but what an offer would solve."""
    wrap = {
        "html": "<p>{}</p>", "markdown": "{}",
        "mjml": "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>",
    }[form]  # fmt: skip
    text = "<mj-text>{}</mj-text>" if form == "mjml" else "{}"
    for _, entries in insertions.list_insertions(["plan"]):
        for entry in entries:
            inserted = getattr(entry, form) or f"{entry.before}words{entry.after}"
            within = inserted if inserted.startswith("<mj-image") else text.format(inserted)
            mail = EmailCampaign(
                subject="x", from_email="us@shop.example", body=wrap.format(within), body_format=form
            )
            template = MailTemplate(body=mail.body, body_format=form)
            assert reusable.render_sample(template), entry.label


def test_ready_content_of_an_older_installation_is_offered_to_those_who_read_english():
    """What somebody edited since is offered to everybody, as is what people made."""
    set_language = import_module("mailing.migrations.0007_language_of_older_ready_content").set_language
    MailTemplate.objects.filter(language="en").update(language="")
    letter = MailTemplate.objects.get(name="Plain letter", language="")
    own = MailTemplateFactory(language="")
    editions.record_edit(letter, {"Name": "Letter"}, {"Name": "Plain letter"})
    set_language(apps, None)
    english = {row.name for row in MailTemplate.objects.filter(language="en")}
    assert english == {"Newsletter", "Offer with a coupon", "Welcome"}
    for row in (letter, own):
        row.refresh_from_db()
        assert row.language == ""
    assert not MailTemplate.objects.filter(language="en", pk=own.pk).exists()
