"""A sentence that was kept by one person or by a worker is shown to each reader in the reader's language."""

import pytest
from django.utils import translation

from campaigns import lifecycle
from campaigns.refusals import Refused
from campaigns.sentences import keep
from campaigns.stored_sentences import translate_stored
from tests.factories import PromotionCampaignFactory, UserFactory

OVERRUN = keep(
    "Sales made offline gave %(given)s beyond the budget of %(budget)s: %(allowed)s.",
    given="€12.00",
    budget="€100.00",
    allowed=keep("more than the %(percent)s%% that are allowed", percent=5),
)


@pytest.mark.django_db
def test_a_reason_that_a_french_reader_stored_is_shown_in_german_and_in_english(client):
    campaign = PromotionCampaignFactory(status="active")
    with translation.override("fr"):
        lifecycle.fire(campaign, "pause", why=OVERRUN)
    assert campaign.history.get(verb="pause").why == OVERRUN
    client.force_login(UserFactory(is_superuser=True))
    english = client.get(campaign.get_absolute_url(), headers={"accept-language": "en"}).content.decode()
    german = client.get(campaign.get_absolute_url(), headers={"accept-language": "de"}).content.decode()
    assert OVERRUN in english
    assert OVERRUN not in german
    assert "Verkäufe ohne Verbindung" in german


@pytest.mark.parametrize("language", ["de", "fr"])
@pytest.mark.parametrize(
    "sentence",
    [
        keep("%(field)s, line %(line)s: %(said)s.", field="Body", line=3, said="it must begin with <mjml>"),
        keep("“%(text)s” is not an e-mail address.", text="a"),
        keep("Row %(first)s has the same customer number.", first=12),
    ],
)
def test_a_kept_sentence_is_translated_with_its_values(language, sentence):
    with translation.override(language):
        said = translate_stored(sentence)
        assert said != sentence
        assert "it must begin" not in said
    assert translate_stored(sentence) == sentence


def test_a_refusal_is_told_in_the_language_of_who_asked():
    with translation.override("de"), pytest.raises(Refused, match="kein Name eines Feldes"):
        raise Refused(keep("“%(name)s” is no name of a field.", name="x"))
