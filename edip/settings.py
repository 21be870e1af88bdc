"""Django settings, read from the environment and, outside of Databricks Apps, from .env beside
manage.py.

Without a ``DATABRICKS_*`` connection variable the app runs in local mode: it uses the local
warehouse, and only the address differs from Databricks.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from crm.model import vocabulary as words
from crm.model.namespace import Namespace
from crm.warehouse.config import ConfigurationError, WarehouseConfig

from . import local

BASE_DIR = Path(__file__).resolve().parent.parent
# If lxml is installed, openpyxl writes workbooks with it. Importing would not know them as exports
# of this app, and would clean their values.
os.environ.update(OPENPYXL_LXML="False")

# Databricks Apps always sets these. Only there does a proxy set the X-Forwarded-* headers. A file
# .env is for development: it cannot set these, and is not read on Databricks Apps.
IN_DATABRICKS_APPS = bool(
    os.environ.get("DATABRICKS_APP_NAME") or os.environ.get("DATABRICKS_APP_PORT")
)
if not IN_DATABRICKS_APPS:
    environ.Env.read_env(BASE_DIR / ".env")
env = environ.FileAwareEnv()

# --- the warehouse -----------------------------------------------------------------------
LOCAL_DATA = Path(env.str("EDIP_LOCAL_DATA", str(BASE_DIR / ".local")))
try:
    WAREHOUSE = WarehouseConfig.from_env(env, local_address=lambda: local.address(LOCAL_DATA))
except ConfigurationError as error:
    raise ImproperlyConfigured(str(error)) from error
NAMESPACE = Namespace(
    catalog=env.str("DATABRICKS_CATALOG", "edip_crm"),
    schema=env.str("DATABRICKS_SCHEMA", "main"),
    prefix=env.str("DATABRICKS_TABLE_PREFIX", ""),
)
LOCAL = WAREHOUSE.is_local
# Days for which Delta keeps the versions and changes that the history pages show.
EDIP_HISTORY_DAYS = env.int("EDIP_HISTORY_DAYS", 365)
# Seconds between two statements that read changes by others, while a page is open. These
# statements keep the warehouse running; 0 switches them off.
EDIP_LIVE_SECONDS = env.float("EDIP_LIVE_SECONDS", 2.5)

# Seconds within which a request must get all its answers from the warehouse. Imports, exports,
# downloads of lists, integrity checks and the connection check may take longer.
EDIP_REQUEST_TIMEOUT = env.float("EDIP_REQUEST_TIMEOUT", 20.0)

# --- Django ------------------------------------------------------------------------------
DEBUG = env.bool("DJANGO_DEBUG", False)
if DEBUG and IN_DATABRICKS_APPS:
    raise ImproperlyConfigured(
        "DJANGO_DEBUG is for development: its pages show settings, code and values. Databricks "
        "Apps, where this runs, serves other people: unset the variable."
    )
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "").strip()
if not SECRET_KEY and LOCAL:
    SECRET_KEY = "local-mode-only-" + "0123456789abcdef" * 3
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "DJANGO_SECRET_KEY is missing: 50 random characters or more, the same for every "
        "instance. On Databricks Apps it is the secret django-secret-key (docs/deploy.md)."
    )
# Earlier keys, which still decrypt sessions while the key is being changed.
SECRET_KEY_FALLBACKS = env.list("DJANGO_SECRET_KEY_FALLBACKS", default=[])
# Whether browsers connect without a TLS proxy; only for your own machine.
EDIP_PLAIN_HTTP = env.bool("EDIP_PLAIN_HTTP", LOCAL)
if EDIP_PLAIN_HTTP and IN_DATABRICKS_APPS:
    raise ImproperlyConfigured(
        "EDIP_PLAIN_HTTP is for development. Databricks Apps, where this runs, serves https: "
        "unset the variable, or cookies would travel unprotected."
    )
# X-Forwarded-Host holds the app's address behind the proxy; Host is not documented there.
USE_X_FORWARDED_HOST = not EDIP_PLAIN_HTTP
ALLOWED_HOSTS = env.list(
    "DJANGO_ALLOWED_HOSTS",
    default=["127.0.0.1", "localhost", "[::1]"] if EDIP_PLAIN_HTTP else [".databricksapps.com"],
)
# Django trusts our own origin (TlsProxyMiddleware). *.databricksapps.com would trust every app
# of every Databricks customer.
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    "crm",
]
MIDDLEWARE = [
    "crm.middleware.stack.StackMiddleware",
    "crm.middleware.request_log.RequestLogMiddleware",
    "crm.middleware.security.TlsProxyMiddleware",
    "crm.middleware.security.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "crm.middleware.security.LivenessMiddleware",
    "crm.middleware.security.CookieLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "crm.middleware.compression.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "crm.middleware.person.PersonMiddleware",
    "crm.middleware.visit.VisitMiddleware",
    "crm.middleware.as_of.AsOfMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.middleware.security.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "crm.middleware.person.ReaderTimeZoneMiddleware",
    "crm.middleware.security.MethodNotAllowedMiddleware",
    "crm.middleware.person.AccessMiddleware",
    "crm.middleware.rate_limit.RateLimitMiddleware",
    "crm.middleware.person.WarehouseErrorMiddleware",
]
ROOT_URLCONF = "edip.urls"
WSGI_APPLICATION = "edip.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "crm.context_processors.frame",
            ]
        },
    }
]
FORM_RENDERER = "crm.forms.records.Renderer"

# There is no ORM, so sessions and messages are stored in signed cookies.
DATABASES: dict[str, dict[str, object]] = {}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "crm.cookies.MessageStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EDIP_PLAIN_HTTP
# Scripts need not read the cookies: HTMX sends the CSRF token of the form.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if not EDIP_PLAIN_HTTP:
    # With this prefix, browsers accept the cookies from our host only, not from another app's.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-edip-session", "__Host-edip-csrf"

# Databricks Apps ends TLS at its proxy and redirects there; a redirect here would loop.
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0 if EDIP_PLAIN_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not EDIP_PLAIN_HTTP
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "crm.views.errors.csrf_failure"
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # SECURE_SSL_REDIRECT, see above

# Limits of a request: bytes with files, bytes without files, number of fields and files.
EDIP_MAX_BODY = 25 * 2**20
# The largest upload to the import page; `manage.py import_legacy` has no limit.
EDIP_IMPORT_MAX_MB = env.int("EDIP_IMPORT_MAX_MB", 200)
DATA_UPLOAD_MAX_MEMORY_SIZE = int(2.5 * 2**20)
# The mapping step of an import has the most fields: see crm/importing/jobs/survey_source.py.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 8000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
# The largest Cookie header. gunicorn.conf.py accepts more, so that people get our error page.
EDIP_MAX_COOKIES = 8190
# Writes, and downloads of files, per person and minute, counted in each process.
EDIP_WRITES_PER_MINUTE = env.int("EDIP_WRITES_PER_MINUTE", 60)
EDIP_EXPORTS_PER_MINUTE = env.int("EDIP_EXPORTS_PER_MINUTE", 10)

# Absolute, because pages of the past (crm/middleware/as_of.py) have a path prefix, and files not.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "edip.static_files.IconsFinder",
]
# gunicorn.conf.py collects the files there, compressed and with a hash in their names. Without
# it (runserver, tests), they are served from their source folders.
STATIC_ROOT = env.str("EDIP_STATIC_ROOT", "") or None
if STATIC_ROOT:
    STORAGES = {"staticfiles": {"BACKEND": "edip.static_files.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = not STATIC_ROOT
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# One JSON object per line for programs, or text for a terminal.
EDIP_LOG_FORMAT = env.str("EDIP_LOG_FORMAT", "text" if EDIP_PLAIN_HTTP else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "crm.middleware.log_format.JsonLines"},
        "text": {
            "()": "crm.middleware.log_format.Readable",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if EDIP_LOG_FORMAT == "json" else "text",
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "crm": {"level": env.str("EDIP_LOG_LEVEL", "INFO")},
        # crm.requests logs a line for each request, with less content than Django's.
        "django": {"handlers": [], "level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": "ERROR"},
    },
}

# --- EDIP CRM ----------------------------------------------------------------------------
# The acting person where nobody signs in, which is everywhere except on Databricks Apps.
EDIP_USER = env.str("EDIP_USER", f"{getpass.getuser()}@localhost")
# With EDIP_AUTH=user: whether the session keeps the person's token, encrypted. Without it each
# request has to bring the token. See docs/decisions/0012-tokens-of-the-request.md.
EDIP_SESSION_TOKENS = env.bool("EDIP_SESSION_TOKENS", False)
# Who may write, and who sees the admin tools: e-mails and domains. See docs/sign-in.md.
EDIP_EDITORS = env.list("EDIP_EDITORS", default=[])
EDIP_ADMINS = env.list("EDIP_ADMINS", default=[])
# The group to which the bundle opens the app; the status page shows it.
EDIP_OPEN_TO = env.str("EDIP_OPEN_TO", "")
# Backups: their schema (or catalog.schema), how many to keep, and for how many days.
EDIP_BACKUP_SCHEMA = env.str("EDIP_BACKUP_SCHEMA", "")
EDIP_BACKUPS_KEEP = env.int("EDIP_BACKUPS_KEEP", 7)
EDIP_BACKUPS_KEEP_DAYS = env.int("EDIP_BACKUPS_KEEP_DAYS", 30)
# Attention: the days after which an account without an update needs attention, and by onboarding
# status, the days after which an account is stuck in it.
EDIP_STALE_DAYS = env.int("EDIP_STALE_DAYS", 60)
try:
    EDIP_STATUS_DAYS = {
        status.strip(): int(days)
        for status, days in env.dict(
            "EDIP_STATUS_DAYS", default={"Requested": 14, "In Progress": 90}
        ).items()
    }
except ValueError as error:
    raise ImproperlyConfigured(
        "EDIP_STATUS_DAYS has to look like Requested=14,In Progress=90: statuses with their days"
    ) from error
# Digests: the app's address for links, the mail server, and the webhook of a chat.
EDIP_APP_URL = env.str("EDIP_APP_URL", "http://127.0.0.1:8000" if LOCAL else "")
EDIP_HAS_MAIL = bool(env.str("EDIP_EMAIL_URL", ""))
if EDIP_HAS_MAIL:
    vars().update(env.email_url("EDIP_EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("EDIP_MAIL_FROM", "edip-crm@localhost")
EDIP_DIGEST_WEBHOOK = env.str("EDIP_DIGEST_WEBHOOK", "")
EDIP_DIGEST_CHAT = env.str("EDIP_DIGEST_CHAT", "teams")
# Whether digests quote no data. If a table has a row filter or a mask, they never do.
EDIP_DIGEST_SHORT = env.bool("EDIP_DIGEST_SHORT", False)


def _choices(name: str, default: tuple[str, ...]) -> list[str]:
    return [word.strip() for word in env.list(name, default=list(default)) if word.strip()]


EDIP_PLATFORMS = _choices("EDIP_PLATFORMS", words.PLATFORMS)
EDIP_ONBOARDING_STATUSES = _choices("EDIP_ONBOARDING_STATUSES", words.ONBOARDING_STATUSES)
EDIP_USE_CASE_STATUSES = _choices("EDIP_USE_CASE_STATUSES", words.USE_CASE_STATUSES)
EDIP_ENABLEMENT_TIERS = _choices("EDIP_ENABLEMENT_TIERS", words.ENABLEMENT_TIERS)
