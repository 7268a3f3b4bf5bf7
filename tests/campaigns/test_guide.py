"""The guide: its pages, links and pictures, and the help that each page of the workspace leads to."""

import re

import pytest
from babel.messages import pofile
from django.conf import settings
from django.urls import get_resolver, reverse
from django.utils import translation

from campaigns import guide
from tests.factories import UserFactory, user_in

pytestmark = pytest.mark.django_db
list_bold = re.compile(r"\*\*([^*]+)\*\*").findall
list_links = re.compile(r'href="([^"]+)"').findall
list_pictures = re.compile(r"!\[([^\]]*)\]\((?:\.\./)?pictures/([a-z-]+)\.png\)").findall
# a heading and how deep it stands, the views it explains, a linked page, a picture, a variable; rows and points
list_marks = re.compile(
    r"^(#+) |<!-- helps: ([^>]+) -->|\]\(([a-z-]+\.md)\)|pictures/([a-z-]+\.png)|(\{\{ \w+\.?\w* )|^([|-]) ",
    re.MULTILINE,
).findall
fold = str.casefold
LANGUAGES = [language for language, _ in settings.LANGUAGES]


@pytest.fixture(params=LANGUAGES)
def language(request):
    with translation.override(request.param):
        yield request.param


def test_each_file_is_a_page_and_says_what_it_is_about(language):
    folder = guide.find_file("index", language).parent
    assert {path.stem for path in folder.glob("*.md")} == set(guide.NAMES)
    for page in guide.list_pages():
        assert page.title
        assert page.headings


def test_the_guide_is_in_no_other_language():
    assert {path.name for path in guide.FOLDER.iterdir() if path.is_dir()} == {*LANGUAGES[1:], "pictures"}


@pytest.mark.parametrize("name", guide.NAMES)
@pytest.mark.parametrize("other", LANGUAGES[1:])
def test_a_page_has_the_same_sections_marks_links_and_pictures_in_each_language(name, other):
    english, translated = (guide.find_file(name, tag).read_text() for tag in (LANGUAGES[0], other))
    assert list_marks(translated) == list_marks(english)
    with translation.override(other):
        page = guide.read_page(name)
    with translation.override(LANGUAGES[0]):
        source = guide.read_page(name)
    assert [each[1:] for each in page.headings] == [each[1:] for each in source.headings], "anchors and views"
    assert translated != english


@pytest.mark.parametrize(("other", "title"), [("de", "E-Mails"), ("fr", "E-mails")])
def test_the_guide_is_shown_in_the_language_of_who_reads_it(client, other, title):
    client.force_login(UserFactory())
    page = client.get("/guide/mails/", headers={"accept-language": other}).content.decode()
    assert f"<h1>{title}</h1>" in page
    assert 'id="versions"' in page, "an anchor is the same in every language"
    assert 'lang="en"' not in page


def test_a_label_of_a_page_that_the_guide_names_is_one_of_the_catalogue(language):
    """What stands in bold are labels, but for the words that the page `words` and lists explain."""
    if language == "en":
        return
    known = set()
    for path in (settings.BASE_DIR / "locale" / language / "LC_MESSAGES").glob("*.po"):
        with path.open("rb") as file:
            known |= {fold(each.string) for each in pofile.read_po(file) if isinstance(each.string, str)}
    unknown = {
        f"{name}: {words}"
        for name in guide.NAMES
        if name != "words"
        for words in list_bold(" ".join(guide.find_file(name, language).read_text().split()))
        if fold(words) not in known
    }
    assert unknown == set()


def test_links_lead_to_pages_and_sections_that_are_there(client, language):
    client.force_login(UserFactory())
    anchors = {
        page.path: {"", page.headings[0].anchor, *(heading.anchor for heading in page.headings)}
        for page in guide.list_pages()
    }
    for page in guide.list_pages():
        assert client.get(page.path).status_code == 200
        for link in list_links(guide.render_page(page.name)):
            path, _, anchor = link.partition("#")
            assert anchor in anchors[path], f"{page.name}: {link}"


def test_each_view_that_is_explained_is_there():
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    for prefix, (_, resolver) in get_resolver().namespace_dict.items():
        names |= {f"{prefix}:{name}" for name in resolver.reverse_dict if isinstance(name, str)}
    assert set(guide.map_views()) <= names


def test_pictures_have_a_description_and_are_there(language):
    for name in guide.NAMES:
        for description, picture in list_pictures(guide.find_file(name, language).read_text()):
            assert description
            assert (guide.FOLDER / "pictures" / f"{picture}.png").exists(), picture


def test_a_page_leads_to_the_section_that_explains_it(client):
    client.force_login(user_in("Marketers"))
    page = client.get(reverse("mailing:contacts")).content.decode()
    assert f'href="{reverse("campaigns:guide", args=["audience"])}#contacts"' in page


def test_a_page_without_a_section_of_its_own_leads_to_the_first_page(client):
    client.force_login(user_in("Administrators"))
    page = client.get(reverse("mailing:connections")).content.decode()
    assert f'href="{reverse("campaigns:guide", args=["index"])}"' in page


def test_a_page_that_is_not_there_is_not_found(client):
    client.force_login(UserFactory())
    assert client.get("/guide/nothing/").status_code == 404


def test_nobody_reads_it_without_signing_in(client):
    assert client.get(reverse("campaigns:guide")).status_code == 302
