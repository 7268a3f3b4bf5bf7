"""The product's settings for benchmarks.tracking, with one more address."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.tracked.urls"
LOGGING_CONFIG = None
