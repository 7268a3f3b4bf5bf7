"""No content that a person can save makes a page answer 500, and its draft can always be opened and mended."""

import pytest

from mailing.content import Source
from mailing.models import EmailCampaign
from tests.factories import EmailCampaignFactory
from tests.mailing.content.mutated import list_sources, mutate

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
IN_A_RUN = 40
IN_A_TEST = 20
WELL = {"body": "Hello [Leave]({{ unsubscribe_url }})", "body_format": "markdown", "subject": "x", "text": ""}


def fill_form(source: Source, campaign: EmailCampaign) -> dict[str, str]:
    """Return the editor's form as a person sends it."""
    target = campaign.targets.get()
    names = ("subject", "preheader", "from_name", "from_email", "body", "body_format", "text")
    return {name: getattr(source, name) for name in names} | {
        "name": "Damaged",
        "sharing": "single",
        "connection": str(campaign.connection_id),
        "retry_hours": "48",
        f"target_list_{target.list_id}": "include",
        "track_opens": "on",
        "track_clicks": "on",
    }


@pytest.mark.parametrize("start", range(0, IN_A_RUN, IN_A_TEST))
def test_damaged_content_stops_no_page_and_can_be_mended(client, administrator, start):
    client.raise_request_exception = False
    sources, wrong, saved = list_sources(), [], 0
    for number in range(start, start + IN_A_TEST):
        source = mutate(number, sources)
        campaign = EmailCampaignFactory(launchable=True, created_by=administrator)
        page, form = f"/campaigns/email/{campaign.pk}/", fill_form(source, campaign)
        answers = [client.post("/campaigns/email/preview/head/", form, **HTMX).status_code]
        answers.append(client.post(f"{page}edit/", form).status_code)
        saved += answers[-1] == 302
        if number % 5 == 0:  # the other pages, which cost most of the time
            answers.append(client.post("/campaigns/email/preview/", form).status_code)
            answers.append(client.post("/campaigns/email/convert/", form, **HTMX).status_code)
            opened = [client.get(f"{page}{part}").status_code for part in ("", "preview/", "readiness/")]
            answers += [status if status == 200 else 500 for status in opened]
            answers.append(client.post(f"{page}test/", {"to": "ada@shop.example"}, **HTMX).status_code)
            answers.append(client.get(f"/campaigns/{campaign.pk}/launch/", **HTMX).status_code)
        answers.append(client.post(f"/campaigns/{campaign.pk}/launch/").status_code)
        if EmailCampaign.objects.get(pk=campaign.pk).status == "draft":
            answers.append(client.get(f"{page}edit/").status_code)
            answers.append(client.post(f"{page}edit/", form | WELL).status_code)
            assert EmailCampaign.objects.get(pk=campaign.pk).body == WELL["body"], number
        if max(answers) >= 500:
            wrong.append((number, answers))
    assert wrong == []
    assert saved > IN_A_TEST / 2, "most damage is saved, so that these pages are tried"
