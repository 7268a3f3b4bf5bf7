"""The product's settings for the benchmark: nothing but the short way for tills, and the two views to compare with."""

from config.settings import *  # noqa: F403

MIDDLEWARE = ["pos.api.middleware.TillMiddleware"]
ROOT_URLCONF = "benchmarks.till.urls"
TILL_RATE = 10**9  # one key sends everything
LOGGING_CONFIG = None
