"""Helpers of the tests of the preference page."""


def save(anybody, path, **fields):
    given = {"do": "save", "is_tracked": "on", "frequency": "", "language": "", "time_zone": ""} | fields
    return anybody.post(path, {name: value for name, value in given.items() if value is not None})


def list_changes(contact):
    return [*contact.preference_changes.order_by("pk").values_list("what", "name", "was", "now")]
