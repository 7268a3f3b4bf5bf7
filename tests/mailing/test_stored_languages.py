"""A sentence that was kept by one person or by a worker is shown to each reader in the reader's language."""

import pytest
from django.utils import translation

from campaigns import lifecycle
from campaigns.refusals import Refused
from campaigns.sentences import keep
from campaigns.stored_sentences import translate_stored
from mailing.connections import NAME_OF_MEANING
from mailing.smtp.causes import CERTIFICATE_ADVICE
from mailing.smtp.client import ADVICE, Cause, ConnectFailed, name_step
from mailing.smtp.replies import Stage
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


ADVISED = [
    *[("”: ", advice) for advice in ADVICE.values()],
    *[("”: ", advice) for _, advice in NAME_OF_MEANING.values()],
    *[("”. ", str(advice)) for advice in CERTIFICATE_ADVICE.values()],
]


@pytest.mark.parametrize("language", ["de", "fr"])
@pytest.mark.parametrize(("joint", "advice"), ADVISED)
def test_advice_beside_the_words_of_a_server_is_translated(language, joint, advice):
    answer = "“550 5.7.1 Mail from 192.0.2.1 refused. See https://list.example/1: it is listed."
    with translation.override(language):
        said = translate_stored(answer + joint + advice)
        assert said == answer + joint + translate_stored(advice)
        assert advice not in said


@pytest.mark.parametrize("language", ["de", "fr"])
def test_several_sentences_are_translated_each_by_itself(language):
    failed = ConnectFailed(
        Cause.TIMED_OUT,
        Stage.CONNECT,
        None,
        keep("%(server)s did not answer in time.", server="mx.example:25"),
    )
    step = keep("%(said)s. This happened %(step)s.", said="The server hung up", step=name_step(Stage.AUTH))
    for sentence in (failed.sentence, f"{step} {ADVICE[Cause.TIMED_OUT]}"):
        with translation.override(language):
            said = translate_stored(sentence)
        assert "Check host" not in said
        assert "in time" not in said
        assert "happened" not in said
        assert "login" not in said


@pytest.mark.parametrize(
    "note", ["Shelf: Paused", "Ask Ada. Yes", "Stop: it is paused by the boss, who else?"]
)
def test_a_note_of_a_person_stays_as_it_is(note):
    with translation.override("de"):
        assert translate_stored(note) == note


def test_a_refusal_is_told_in_the_language_of_who_asked():
    with translation.override("de"), pytest.raises(Refused, match="kein Name eines Feldes"):
        raise Refused(keep("“%(name)s” is no name of a field.", name="x"))
