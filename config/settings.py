"""How Fanfare is run. Everything that differs between machines is read from the environment, once, here.

The variables and their meaning stand in README.md. Secure by default: DEBUG is off unless asked for, and the secrets
that are not given are made at the first start and kept under var/.
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels

from config import catalogues, embedded_postgres, environment, private_files

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = environment.var_dir(BASE_DIR)
private_files.keep_private(VAR_DIR)

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret_key("SECRET_KEY", VAR_DIR / "secret_key", is_strict=not DEBUG)
ENCRYPTION_KEYS = environment.fernet_keys("ENCRYPTION_KEYS", VAR_DIR / "encryption_key")

PORT = environment.port("PORT", 8000)
MAIL_PORT = environment.port("MAIL_PORT", PORT + 25)
PUBLIC_URL = environment.url("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
# utm_source of links, unless given
SITE_NAME = environment.text("SITE_NAME", urlsplit(PUBLIC_URL).hostname or "")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", [])
SITE_CONNECTION = environment.text("SITE_CONNECTION", "")  # the SMTP connection of the site's own mails
# of bounce mailboxes on this machine
MAILDIRS = Path(environment.text("MAILDIRS", str(VAR_DIR / "maildirs")))
PICTURES = environment.text("PICTURES", "")  # the folder of uploaded pictures; unset: VAR_DIR/pictures
READYZ_TOKEN = environment.text("READYZ_TOKEN", "")
TRUSTED_PROXIES = environment.networks("TRUSTED_PROXIES", "127.0.0.0/8,::1")

DEMO_PASSWORD = environment.text("DEMO_PASSWORD", "")  # unset: the demo makes passwords of its own
DEMO_TILL_KEY = environment.text("DEMO_TILL_KEY", "")

# requests a second that each web process takes of one till key. A quick cashier scans one article a second, and a quote
# follows each scan; one key may be that of a server that speaks for a whole chain. A till in a loop asks more often
TILL_RATE = environment.count("TILL_RATE", 1000)
OFFLINE_DAYS = environment.count("OFFLINE_DAYS", 7)
OVERRUN_PERCENT = environment.count("OVERRUN_PERCENT", 10)

# minutes that a campaign waits for its server to come back before it pauses; a restart of a mail server takes a few
OUTAGE_MINUTES = environment.count("OUTAGE_MINUTES", 15)

# seconds between a launch by a person and the first mail, in which it can still be stopped without a trace
LAUNCH_GRACE_SECONDS = environment.number_up_to("LAUNCH_GRACE_SECONDS", 0, 120)

# whether contacts are asked before opens and clicks are noted by name, or may object: France and Italy ask for opt-in
TRACKING_CONSENT = environment.choice("TRACKING_CONSENT", "opt-out", ("opt-in", "opt-out"))

# months that opens and clicks are kept by name; then they become counts
TRACKING_MONTHS = environment.count("TRACKING_MONTHS", 13)

# days after a click in which a sale counts for its campaign; 0: only redeemed codes count
ATTRIBUTION_DAYS = environment.number_up_to("ATTRIBUTION_DAYS", 5, 30)
# whether a sale counts for the last mail accepted where nobody can know of clicks
ATTRIBUTION_AFTER_ACCEPTANCE = environment.flag("ATTRIBUTION_AFTER_ACCEPTANCE")
# whether a recipient's own code tells who bought, in a sale that names no customer
CODES_TELL_WHO = environment.flag("CODES_TELL_WHO", default=True)

# whether a link in a mail whose offer is over leads to a page first that says so, and what is on instead
OFFER_OVER_PAGE = environment.flag("OFFER_OVER_PAGE")

# percent of all contacts who get no mail of any campaign for a quarter, so that the effect of all mails can be measured
GLOBAL_HOLD_OUT = environment.percentage("GLOBAL_HOLD_OUT", 0, 20)

CURRENCY = environment.currency("CURRENCY", "EUR")
TIME_ZONE = environment.time_zone("TIME_ZONE", "UTC")
USE_TZ = True
LANGUAGE_CODE = (
    "en"  # of all that is stored or logged: no setting, since stored sentences are found by their English
)
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
# of pages, mails and answers to tills for whoever neither chose a language nor asks for one of LANGUAGES
DEFAULT_LANGUAGE = environment.choice("DEFAULT_LANGUAGE", LANGUAGE_CODE, [tag for tag, _ in LANGUAGES])
LOCALE_PATHS = [catalogues.compile_catalogues(BASE_DIR / "locale", VAR_DIR)]
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"

INSTALLED_APPS = [
    "demo",
    "mailing",
    "pos",
    "promotions",
    "campaigns",
    "django.contrib.admin.apps.SimpleAdminConfig",  # config.urls loads its pages: no other process needs them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",  # the templates of widgets, for the renderer below
    "django_fsm",
    "django_htmx",
    "django_q",
    "csp",
]

MIDDLEWARE = [
    # first: tills need no session, cookie or page header, and a quote stays one query
    "pos.api.middleware.TillMiddleware",
    "campaigns.middleware.ReadAsUtf8",
    "mailing.middleware.TrackingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "campaigns.middleware.VaryByHtmx",
    "campaigns.middleware.KeptFromCaches",
    "campaigns.middleware.LanguageOfReader",  # before what may answer with a sentence
    "campaigns.middleware.TextGuard",  # before the session, whose key is text too
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "campaigns.middleware.SignedInOnly",  # every page, unless marked @login_not_required
    "campaigns.middleware.ZoneOfUser",  # of who is signed in
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

FORM_RENDERER = "campaigns.form_renderer.PageRenderer"

# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────────────────
database: dict[str, Any] = environment.database("DATABASE_URL") or embedded_postgres.ensure(VAR_DIR)
DATABASES = {
    "default": {
        **database,
        "ENGINE": "campaigns.postgresql",  # Django's own, with limits to how long a web server waits
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # seconds and milliseconds: a database host that only drops packets is away, too
        "OPTIONS": {"connect_timeout": 10, "tcp_user_timeout": 30_000, **database.get("OPTIONS", {})},
        # several test runs at once on one server need databases of their own
        "TEST": {"NAME": f"test_fanfare{environment.text('TEST_DB_SUFFIX', '')}"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Queue and clock ──────────────────────────────────────────────────────────────────────────────────────────────────
Q_CLUSTER: dict[str, Any] = {
    "name": "default",
    "workers": 2,
    "queue_limit": 2,
    "timeout": 60,
    "max_attempts": 3,
    "catch_up": False,
    "retry": 240,  # 4 * timeout while queue_limit == workers; less, and a waiting task runs twice
    "poll": 0.5,
    "guard_cycle": 1,  # seconds between two looks at the cluster's own processes
    "save_limit": 1000,
    "label": "Queue",
    "ALT_CLUSTERS": {
        # each connection that sends occupies two for up to half a minute; launches and test mails need one beside them
        # a wake is seen soon: half a second would be a tenth of a small campaign, and a fortieth of each run
        "mail": {
            "workers": 8,
            "queue_limit": 8,
            "timeout": 120,
            "retry": 480,
            "max_attempts": 3,
            "poll": 0.2,
        }
    },
}
if redis_url := environment.text("REDIS_URL", ""):
    Q_CLUSTER |= {"redis": redis_url, "broker_class": "campaigns.redis_queue.RedisQueue"}
else:
    Q_CLUSTER |= {"orm": "default", "broker_class": "campaigns.queue.DatabaseQueue"}

# all that the queue may run: whatever else stands in it is refused, and recorded as a failed task with the reason
TASKS = [
    "campaigns.clock.tick",
    "campaigns.tasks.heartbeat",
    "promotions.tasks.write_owed_steps",
    "mailing.tasks.close",
    "mailing.tasks.count_report",
    "mailing.tasks.measure_hold_out",
    "mailing.tasks.measure_revenue",
    "mailing.tasks.fill_group",
    "mailing.tasks.import_upload",
    "mailing.tasks.send_address_link",
    "mailing.tasks.send_address_notice",
    "mailing.tasks.prepare",
    "mailing.tasks.run_lane",
    "mailing.tasks.read_bounces",
    "mailing.tasks.run_preflight",
    "mailing.tasks.send_invitation",
    "mailing.tasks.send_password_reset",
    "mailing.tasks.send_test",
    "mailing.tasks.write_spooled",
]

CLOCK = [
    "promotions.clock.tick",
    "pos.clock.tick",
    "mailing.clock.tick",
    "campaigns.heartbeats.ask_clusters",
    "campaigns.logins.delete_old_tries",
    "campaigns.sessions.delete_ended_sessions",
]
# told of each sale that the fold has written, in its transaction
FOLD_FOLLOWERS = [
    "promotions.tallies.tally_sales",
    "mailing.attribution.attribute_sales",
    "mailing.segment_groups.move_buyers",
]
# where the search over everything looks: heading, permission, function
SEARCH_SOURCES = [
    ("Campaigns", "campaigns.view_campaign", "campaigns.workspace.search.find_campaigns"),
    ("Promotions", "promotions.view_promotion", "promotions.searching.find_promotions"),
    ("Coupons", "promotions.view_coupon", "promotions.searching.find_coupons"),
    ("Contacts", "mailing.view_contact", "mailing.searching.find_contacts"),
    ("Lists", "mailing.view_contactlist", "mailing.searching.find_lists"),
    ("Segments", "mailing.view_segment", "mailing.searching.find_segments"),
]
NOTICES = [
    "campaigns.health.list_clock_notices",
    "campaigns.workspace.overview.list_due_drafts",
    "mailing.notices.list_mail_notices",
    "promotions.notices.list_limit_notices",
    "pos.notices.list_offline_notices",
]
FIRST_STEPS = {  # of a new installation, by the icon of the kind of campaign
    "mail": ["mailing.first_steps.list_mail_steps"],
    "promotion": ["pos.first_steps.list_till_steps", "promotions.first_steps.list_promotion_steps"],
}
TRENDS = ["mailing.trends.list_mail_trends", "promotions.trends.list_discount_trends"]
DOCTOR = [
    "campaigns.doctor.list_breaches",
    "promotions.doctor.list_breaches",
    "pos.doctor.list_breaches",
    "mailing.doctor.list_breaches",
]

# ── Static files ─────────────────────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("guide", BASE_DIR / "docs/guide/pictures"),
    ("inter", NODE_MODULES / "@fontsource-variable/inter"),
    ("tabler", NODE_MODULES / "@tabler/core/dist"),
    ("swagger-ui", NODE_MODULES / "swagger-ui-dist"),
    ("grapesjs", NODE_MODULES / "grapesjs/dist/css"),
    ("bundles", NODE_MODULES / ".bundles"),  # what esbuild makes of frontend/
]
# before `make run` has installed the node packages there is no folder
SILENCED_SYSTEM_CHECKS = ["staticfiles.W004"]
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700
COLLECTED = (STATIC_ROOT / "staticfiles.json").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # hashed names need a collected folder; without one (tests, a fresh clone) files keep their own names
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED or "collectstatic" in sys.argv
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not COLLECTED

# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = ["campaigns.logins.ThrottledBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
PASSWORD_RESET_TIMEOUT = 3600  # seconds that a mailed link works
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# ── Security ─────────────────────────────────────────────────────────────────────────────────────────────────────────
OVER_TLS = PUBLIC_URL.startswith("https://")
SESSION_ENGINE = "campaigns.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if OVER_TLS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if OVER_TLS else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler draws its icons in data: URLs
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

MESSAGE_TAGS = {message_levels.ERROR: "danger"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {
        "refused": {"()": "campaigns.logs.DropTraceback"},
        "tokens": {"()": "campaigns.logs.HideTokens"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refused", "tokens"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO" if not DEBUG else "DEBUG"},
    "loggers": {
        "django.db.backends": {"level": "INFO"},
        "asyncio": {"level": "INFO"},
        "django-q": {"level": "WARNING"},
        "pyBarcode": {"level": "WARNING"},  # says that it draws no pictures itself
        "mail.log": {"level": "WARNING"},  # aiosmtpd's: every command of every mail
    },
}
