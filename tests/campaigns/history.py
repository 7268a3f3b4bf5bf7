"""What has become of a campaign."""


def verbs(campaign):
    """The steps taken, the first one first."""
    return list(campaign.history.order_by("pk").values_list("verb", flat=True))
