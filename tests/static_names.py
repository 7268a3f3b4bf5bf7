"""The addresses of static files in tests."""

from functools import cache

from django.contrib.staticfiles.storage import StaticFilesStorage


class StaticNames(StaticFilesStorage):
    """Name files as they are, each once: a page names fifty, and to join them took a tenth of it."""

    url = cache(StaticFilesStorage.url)
