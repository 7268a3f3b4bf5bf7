"""The guide: its pages, links and pictures, and the help that each page of the workspace leads to."""

import re

import pytest
from django.urls import get_resolver, reverse

from campaigns import guide
from tests.factories import UserFactory, user_in

pytestmark = pytest.mark.django_db
list_links = re.compile(r'href="([^"]+)"').findall
list_pictures = re.compile(r"!\[([^\]]*)\]\(pictures/([a-z-]+)\.png\)").findall


def test_each_file_is_a_page_and_says_what_it_is_about():
    assert {path.stem for path in guide.FOLDER.glob("*.md")} == set(guide.NAMES)
    for page in guide.list_pages():
        assert page.title
        assert page.headings


def test_links_lead_to_pages_and_sections_that_are_there(client):
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


def test_pictures_have_a_description_and_are_there():
    for name in guide.NAMES:
        for description, picture in list_pictures((guide.FOLDER / f"{name}.md").read_text()):
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
