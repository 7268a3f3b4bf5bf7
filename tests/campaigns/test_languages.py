"""Pages speak the language that somebody chose, else that of the browser; what is stored is English."""

from datetime import date

import pytest
from django.template import engines
from django.utils import translation
from django.utils.translation import gettext_lazy

from campaigns import dates, formats
from campaigns.languages import use_language_of
from campaigns.models import UserSettings
from campaigns.sentences import keep, keep_plural
from campaigns.stored_sentences import translate_stored
from mailing import launch
from mailing.languages import choose_page_language
from tests.factories import EmailCampaignFactory, UserFactory


@pytest.mark.django_db
def test_the_login_speaks_the_language_of_the_browser(client):
    page = client.get("/login/", headers={"accept-language": "fr-CH,de;q=0.5"})
    assert '<html lang="fr">' in page.content.decode()
    assert page.headers["Content-Language"] == "fr"
    assert translation.get_language() == "en", "the next page is somebody else's"


@pytest.mark.django_db
def test_a_chosen_language_counts_more_than_the_browser(client, marketer):
    client.post("/settings/", {"language": "de"})
    assert UserSettings.objects.get(user=marketer).language == "de"
    for path in ("/", "/nowhere/"):
        assert '<html lang="de">' in client.get(path, headers={"accept-language": "fr"}).content.decode()
    answer = client.post("/settings/", {"language": "tlh"})
    assert UserSettings.objects.get(user=marketer).language == "de"
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "source",
    [
        '{{ _("Saved") }}',
        '{{ nothing|default:_("Saved") }}',
        '{% with said=_("Saved") %}{{ said }}{% endwith %}',
        '{% if said == _("Saved") %}{{ said }}{% endif %}',
        '{% load i18n %}{% translate "Saved" as said %}{{ nothing|default:said }}',
        '{% load i18n %}{% blocktranslate with said=nothing|default:_("Saved") %}{{ said }}{% endblocktranslate %}',
    ],
)
def test_a_text_that_a_template_holds_is_not_kept_in_the_language_of_its_first_page(source):
    template = engines["django"].from_string(source)
    with translation.override("en"):
        english = template.render({"said": gettext_lazy("Saved")})
    with translation.override("de"):
        german = template.render({"said": gettext_lazy("Saved")})
    assert [english, german] == ["Saved", "Gespeichert"]


@pytest.mark.django_db
def test_a_page_is_german_after_somebody_has_read_it_in_english(client):
    client.force_login(UserFactory(email="", first_name="", last_name=""))
    english = client.get("/account/", headers={"accept-language": "en"}).content.decode()
    german = client.get("/account/", headers={"accept-language": "de"}).content.decode()
    assert "<dd>not given</dd>" in english
    assert "<dd>no role yet</dd>" in english
    assert "<dd>nicht angegeben</dd>" in german
    assert "<dd>noch keine Rolle</dd>" in german


def test_a_stored_sentence_is_english_and_read_in_any_language():
    with translation.override("de"):
        stored = keep("“%(campaign)s” is archived already.", campaign="Mai")
        assert stored == "“Mai” is archived already."
        assert translate_stored(stored) == "„Mai“ ist schon archiviert."
        assert translate_stored("Anna asked for it.") == "Anna asked for it."
        stored = keep_plural("%(count)s second", "%(count)s seconds", 12_000)
        assert stored == "12,000 seconds"
        assert translate_stored(stored) == "12.000 Sekunden"
    assert translate_stored("12,000 seconds") == "12,000 seconds"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ["€1,250.00", "33.3%", "1,000,000", "2 h 3 min", "3 Sep 2027"]),
        ("de", ["1.250,00 €", "33,3 %", "1.000.000", "2 Std. 3 Min.", "3. Sept. 2027"]),
        ("fr", ["1 250,00 €", "33,3 %", "1 000 000", "2 h 3 min", "3 sept. 2027"]),
    ],
)
def test_amounts_and_days_follow_the_language(language, written, settings):
    settings.CURRENCY = "EUR"
    with translation.override(language):
        said = [
            formats.money(125_000),
            formats.share(1, 3),
            formats.thousands(1_000_000),
            formats.duration(7384),
            dates.write_day(date(2027, 9, 3)),
        ]
    assert [each.replace("\xa0", " ").replace("\u202f", " ") for each in said] == written


@pytest.mark.django_db
def test_an_installation_has_a_language_for_whoever_asks_for_none(client, settings):
    settings.DEFAULT_LANGUAGE = "fr"
    assert '<html lang="fr">' in client.get("/login/").content.decode()
    assert '<html lang="fr">' in client.get("/login/", headers={"accept-language": "ja"}).content.decode()
    assert '<html lang="de">' in client.get("/login/", headers={"accept-language": "de"}).content.decode()
    assert choose_page_language("ja") == "fr"
    with use_language_of(UserFactory()):
        assert translation.get_language() == "fr"
    assert launch.build_source(EmailCampaignFactory()).locale == "fr"
    with translation.override("de"):
        assert keep("“%(campaign)s” is archived already.", campaign="Mai").startswith("“Mai” is"), "as ever"
