"""Each page below the menu shows the way to it."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.html import escape

from campaigns.workspace import crumbs, menu
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, PromotionFactory, user_in

pytestmark = pytest.mark.django_db

OF_NOBODY_SIGNED_IN = {
    "campaigns:login", "campaigns:calendar_feed", "campaigns:healthz", "campaigns:readyz", "campaigns:signed_in",
    "mailing:note_open", "mailing:note_click", "mailing:unsubscribe", "mailing:code_qr", "mailing:code_barcode",
    "mailing:code_page", "mailing:picture_file", "mailing:preferences", "mailing:confirm_address",
    "mailing:password_reset", "mailing:password_reset_complete", "mailing:password_reset_confirm",
    "mailing:receive_events",
}  # fmt: skip
# what answers with a redirect, a file or a part of a page
NO_PAGES = {
    "campaigns:person_switch", "campaigns:person_invite_again",
    "campaigns:change_several", "campaigns:save_view", "campaigns:detail", "campaigns:duplicate", "campaigns:logout",
    "promotions:campaign_counters", "promotions:campaign_linked", "promotions:campaign_link",
    "promotions:campaign_unlink", "promotions:campaign_move", "promotions:campaign_switch",
    "promotions:promotion_fields", "promotions:promotion_offer", "promotions:promotion_sentence",
    "promotions:promotion_switch", "promotions:coupons_export", "promotions:coupon_switch",
    "promotions:stacking_pair", "promotions:promotion_report_csv", "tills:article_costs_take",
    "mailing:autosave", "mailing:builder_save", "mailing:presence", "mailing:review", "mailing:review_figures",
    "mailing:audience_funnel",
    "mailing:start_in_words",
    "mailing:preview_unsaved", "mailing:convert_tags", "mailing:preview_head", "mailing:progress",
    "mailing:revenue_panel", "mailing:recent_revenue", "mailing:timeline", "mailing:preview", "mailing:test_result",
    "mailing:split_test", "mailing:offer_new", "mailing:hold_out", "mailing:variant_figures", "mailing:report_csv",
    "mailing:click_map", "mailing:weeks_csv", "mailing:compare_csv", "mailing:contact_csv",
    "mailing:contact_suggestions", "mailing:contact_consent", "mailing:contact_json", "mailing:contact_data_csv",
    "mailing:picture_chooser", "mailing:segment_count", "mailing:suppression_csv", "mailing:held_report_frame",
    "mailing:decide_held_report", "mailing:upload_encoding", "mailing:upload_start", "mailing:upload_stop",
    "mailing:upload_resume", "mailing:upload_end", "mailing:upload_discard", "mailing:upload_rejected",
    "mailing:dkim_make", "mailing:dkim_check", "mailing:dkim_switch_on", "mailing:dkim_switch_on_unseen",
    "mailing:dkim_switch_off", "mailing:dkim_delete", "mailing:connection_oauth_begin",
    "mailing:connection_oauth_delete", "mailing:mailbox_oauth_begin", "mailing:mailbox_oauth_delete",
    "mailing:template_content", "mailing:template_look", "mailing:template_duplicate", "mailing:template_archive",
    "mailing:template_restore", "mailing:template_chooser", "mailing:block_content", "mailing:block_look",
    "mailing:block_duplicate", "mailing:block_archive", "mailing:block_restore", "mailing:insert_menu",
    "mailing:oauth_callback", "mailing:caught_mail_frame",
}  # fmt: skip


def list_views(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from list_views(one, f"{space}{one.namespace}:" if one.namespace else space)
        elif isinstance(one, URLPattern) and one.name:
            yield space + one.name


def test_each_view_has_a_place_or_is_no_page():
    views = {view for view in list_views(get_resolver()) if view.split(":")[0] not in ("admin", "pos")}
    in_menu = {entry.view for entry in menu.list_all_entries()}
    placed = in_menu | set(crumbs.PLACES)
    assert views - placed - OF_NOBODY_SIGNED_IN - NO_PAGES == set(), (
        "a page without a place in campaigns.workspace.crumbs"
    )
    assert (OF_NOBODY_SIGNED_IN | NO_PAGES) - views == set()
    assert set(crumbs.PLACES) - views == set()
    assert {place.above for place in crumbs.PLACES.values()} - placed == set()
    assert in_menu & set(crumbs.PLACES) == set()


def read_way(client, address) -> str:
    page = client.get(address).content.decode()
    assert page.count('aria-label="Breadcrumb"') == 1
    return page.split('aria-label="Breadcrumb"')[1].split("</nav>")[0]


def test_the_way_names_what_the_page_is_about_and_links_each_step(client, marketer):
    promotion = PromotionFactory(name="Tea & more")
    way = read_way(client, f"/promotions/{promotion.pk}/edit/")
    assert '<a href="/promotions/">Promotions</a>' in way
    assert f'<a href="/promotions/{promotion.pk}/">{escape("Tea & more")}</a>' in way
    assert '<span aria-current="page">Edit</span>' in way
    campaign = EmailCampaignFactory(name="Spring")
    way = read_way(client, f"/campaigns/email/{campaign.pk}/edit/")
    assert f'<a href="/campaigns/email/{campaign.pk}/">Spring</a>' in way


def test_the_way_names_people_as_their_pages_do(admin_client):
    ada = user_in("Analysts")
    ada.first_name, ada.last_name = "Ada", "Lovelace"
    ada.save()
    assert '<span aria-current="page">Ada Lovelace</span>' in read_way(admin_client, f"/people/{ada.pk}/")


def test_a_page_of_the_menu_has_no_way(client, marketer):
    for address in ("/", "/campaigns/", "/promotions/", "/contacts/"):
        assert 'aria-label="Breadcrumb"' not in client.get(address).content.decode()


def test_the_report_of_a_campaign_of_promotions_has_its_tabs(client, marketer):
    campaign = PromotionCampaignFactory(status="active", name="Spring")
    for address in (campaign.get_absolute_url(), f"/reports/promotions/?campaign={campaign.pk}"):
        tabs = client.get(address).content.decode().split('aria-label="This campaign"')[1].split("</nav>")[0]
        assert tabs.count("aria-current") == 1
        assert "Overview" in tabs
        assert "Report" in tabs
    assert 'aria-label="This campaign"' not in client.get("/reports/promotions/").content.decode()


def test_the_administration_follows_the_chosen_theme(admin_client, admin_user):
    page = admin_client.get("/admin/").content.decode()
    assert 'data-chosen="auto"' in page
    admin_client.post("/settings/", {"time_zone": "UTC", "theme": "dark", "language": ""})
    page = admin_client.get("/admin/").content.decode()
    assert page.index('data-chosen="dark"') < page.index("admin/js/theme.js")
