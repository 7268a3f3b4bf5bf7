from django.urls import path

from promotions.views import batches, campaigns, coupons, groups, promotions, reports, stacking

app_name = "promotions"
urlpatterns = [
    path("campaigns/promotion/new/", campaigns.new, name="campaign_new"),
    path("campaigns/promotion/<int:pk>/", campaigns.campaign, name="campaign"),
    path("campaigns/promotion/<int:pk>/edit/", campaigns.edit, name="campaign_edit"),
    path("campaigns/promotion/<int:pk>/counters/", campaigns.show_counters, name="campaign_counters"),
    path("campaigns/promotion/<int:pk>/days/", campaigns.show_days, name="campaign_days"),
    path("campaigns/promotion/<int:pk>/promotions/", campaigns.show_linked, name="campaign_linked"),
    path(
        "campaigns/promotion/<int:pk>/promotions/<int:promotion>/link/", campaigns.link, name="campaign_link"
    ),
    path(
        "campaigns/promotion/<int:pk>/promotions/<int:promotion>/unlink/",
        campaigns.unlink,
        name="campaign_unlink",
    ),
    path(
        "campaigns/promotion/<int:pk>/promotions/<int:promotion>/move/", campaigns.move, name="campaign_move"
    ),
    path(
        "campaigns/promotion/<int:pk>/promotions/<int:promotion>/switch/",
        campaigns.switch,
        name="campaign_switch",
    ),
    path("promotions/", promotions.promotion_list, name="promotions"),
    path("promotions/new/", promotions.new, name="promotion_new"),
    path("promotions/fields/", promotions.show_fields, name="promotion_fields"),
    path("promotions/offer/", promotions.show_choices, name="promotion_offer"),
    path("promotions/says/", promotions.show_sentence, name="promotion_sentence"),
    path("promotions/<int:pk>/", promotions.promotion, name="promotion"),
    path("promotions/<int:pk>/edit/", promotions.edit, name="promotion_edit"),
    path("promotions/<int:pk>/switch/", promotions.switch, name="promotion_switch"),
    path("promotions/<int:pk>/delete/", promotions.delete, name="promotion_delete"),
    path("coupons/", coupons.coupon_list, name="coupons"),
    path("coupons/export/", coupons.export, name="coupons_export"),
    path("coupons/new/", coupons.new, name="coupon_new"),
    path("coupons/generate/", coupons.generate, name="coupons_generate"),
    path("coupons/batches/", batches.batch_list, name="batches"),
    path("coupons/batches/switch/", batches.switch, name="batch_switch"),
    path("coupons/<int:pk>/", coupons.coupon, name="coupon"),
    path("coupons/<int:pk>/switch/", coupons.switch, name="coupon_switch"),
    path("stacking/", stacking.rules, name="stacking"),
    path("stacking/pair/", stacking.pair, name="stacking_pair"),
    path("reports/promotions/", reports.report, name="promotion_report"),
    path("reports/promotions/export/", reports.export, name="promotion_report_csv"),
    path("groups/", groups.group_list, name="groups"),
    path("groups/new/", groups.new, name="group_new"),
    path("groups/<int:pk>/", groups.group, name="group"),
]
