"""Settings of the project, all from the environment (`.env.example` lists them)."""

import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
from django.core.exceptions import ImproperlyConfigured

from vault import embedded

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))

TESTING = "pytest" in sys.modules
DEMO = env.bool("DEMO", default=False)  # sandbox outside: secrets make themselves, and every page says so


def _secret(name: str, *, made: str) -> str:
    """Read a secret; only the demo and the tests may do without."""
    value = str(env.str(name, default=""))
    if value:
        return value
    if TESTING or DEMO:
        return made
    raise ImproperlyConfigured(f"{name} is not set. Put it into the environment or .env; see .env.example.")


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = _secret("SECRET_KEY", made="for-tests-and-demo-only-0123456789-abcdefghijklmnopqrstuvwxyz")
VAULT_ENCRYPTION_KEYS: list[str] = [
    key.strip()
    for key in _secret("VAULT_ENCRYPTION_KEYS", made="ZGVtby1rZXktbm90LWEtc2VjcmV0LTAxMjM0NTY3ODk=").split(
        ","
    )
    if key.strip()
]
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The outside systems.
MPESA_BASE_URL = env.str("MPESA_BASE_URL", default="https://sandbox.safaricom.co.ke").rstrip("/")
NCBA_OPEN_BANKING_URL = env.str("NCBA_OPEN_BANKING_URL", default="").rstrip("/")
NCBA_TILL_URL = env.str("NCBA_TILL_URL", default="https://c2bapis.ncbagroup.com").rstrip("/")
DAMZA_BASE_URL = env.str("DAMZA_BASE_URL", default="https://sms.damzaltd.com").rstrip("/")
AIRTOUCH_BASE_URL = env.str("AIRTOUCH_BASE_URL", default="https://client.airtouch.co.ke:9012").rstrip("/")
PARTNER_ID_BASE_URL = env.str("PARTNER_ID_BASE_URL", default="https://quicksms.advantasms.com").rstrip("/")
AFRICASTALKING_BASE_URL = env.str("AFRICASTALKING_BASE_URL", default="https://api.africastalking.com").rstrip(
    "/"
)

# Network rules.
ALLOW_PRIVATE_HOSTS = env.bool("ALLOW_PRIVATE_HOSTS", default=TESTING)
CALLBACK_IP_ALLOWLIST = env.list("CALLBACK_IP_ALLOWLIST", default=[])
CALLBACK_IP_MODE = env.str("CALLBACK_IP_MODE", default="log")  # off, log, enforce
TRUSTED_PROXY_HOPS = env.int("TRUSTED_PROXY_HOPS", default=0)
CALLBACK_MAX_BYTES = env.int("CALLBACK_MAX_BYTES", default=64 * 1024)
CALLBACK_JUNK_PER_MINUTE = env.int("CALLBACK_JUNK_PER_MINUTE", default=600)  # of one address, in one process

# Pace, in seconds.
POLL_INTERVAL_SECONDS = env.float("POLL_INTERVAL_SECONDS", default=15.0)
SWEEP_INTERVAL_SECONDS = env.float("SWEEP_INTERVAL_SECONDS", default=1.0)
STATUS_QUERY_AFTER_SECONDS = env.float("STATUS_QUERY_AFTER_SECONDS", default=60.0)
RESEND_WINDOW_SECONDS = env.float("RESEND_WINDOW_SECONDS", default=1800.0)
REMEMBER_SECONDS = env.float("REMEMBER_SECONDS", default=0.0 if TESTING else 5.0)  # how old a switch may be
MAX_PAYOUT_ATTEMPTS = env.int("MAX_PAYOUT_ATTEMPTS", default=3)
WRITE_BACK_PAUSE_AFTER = env.int("WRITE_BACK_PAUSE_AFTER", default=50)  # paid loans that Mifos does not take
SUSPENSE_ALLOCATION_LIMIT = Decimal(
    env.str("SUSPENSE_ALLOCATION_LIMIT", default="50000")
)  # above: two people
SHORTCODE_SILENT_AFTER = env.int("SHORTCODE_SILENT_AFTER", default=50)  # accepted payouts without any result

# Float: how it is bought, watched and alarmed about. Money in shillings.
FLOAT_PURCHASE_CONFIRM = env.str("FLOAT_PURCHASE_CONFIRM", default="code")  # code, second_person, none
FLOAT_PURCHASE_MIN = env.int("FLOAT_PURCHASE_MIN", default=50)  # NCBA moves no less
# The contract leaves NCBA's own product off until the bank confirms that it credits a B2C shortcode.
NCBA_FLOAT_ROUTE = env.str(
    "NCBA_FLOAT_ROUTE", default="float_purchase" if DEMO or TESTING else "daraja_topup"
)
NCBA_FLOAT_ACCOUNT_NAME = env.str("NCBA_FLOAT_ACCOUNT_NAME", default="Payment Vault")
NCBA_FLOAT_PHONE = env.str("NCBA_FLOAT_PHONE", default="")  # 2547…; the bank's form has a field for it
FLOAT_TOPUP_SHORTCODE = env.str("FLOAT_TOPUP_SHORTCODE", default="")  # the paybill of route daraja_topup
BALANCE_POLL_SECONDS = env.float("BALANCE_POLL_SECONDS", default=300.0)
FLOAT_DRIFT_ALARM = env.int("FLOAT_DRIFT_ALARM", default=1)
FLOAT_DRIFT_PATIENCE_SECONDS = env.float("FLOAT_DRIFT_PATIENCE_SECONDS", default=900.0)
ALARM_QUIET_SECONDS = env.float("ALARM_QUIET_SECONDS", default=6 * 3600.0)
LOW_BALANCE_QUIET_SECONDS = env.float("LOW_BALANCE_QUIET_SECONDS", default=12 * 3600.0)
WEBHOOK_DISABLE_AFTER_DAYS = env.int("WEBHOOK_DISABLE_AFTER_DAYS", default=3)  # of nothing arriving
OPERATOR_PHONES = env.list("OPERATOR_PHONES", default=[])  # 2547…, told of what only the platform can mend

# PostgreSQL is the truth, Redis may be emptied.
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.database_url()
REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url()
if TESTING and (_worker := os.environ.get("PYTEST_XDIST_WORKER")):  # tests side by side, each with its own
    REDIS_URL = f"{REDIS_URL.rpartition('/')[0]}/{1 + int(_worker.removeprefix('gw'))}"
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"] |= {
    "ENGINE": "common.postgres",
    "HOST": unquote(DATABASES["default"]["HOST"]),
    "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=None),
    "PREPARED_STATEMENTS": env.bool("PREPARED_STATEMENTS", default=True),  # off behind a transaction pooler
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"application_name": "vault", "connect_timeout": 5},
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "vault",
    "common",
    "partners",
    "partners.events",
    "mifos",
    "wallet",
    "sms",
    "disbursements",
    "c2b",
]
MIDDLEWARE = [
    "common.correlation.CorrelationMiddleware",
    "vault.callbacks.StraightToCallbacks",  # what stands behind it is for people
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "vault.entry.gate.Gate",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "vault.urls"
WSGI_APPLICATION = "vault.wsgi.application"
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
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["vault.entry.rights.RolesBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, object]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS.append(
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Africa/Nairobi"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

# Who comes in (TWO_FACTOR is required or optional), and for how long. The demo is usable at once, by a password
# alone, and its pages say so.
TWO_FACTOR = env.str("TWO_FACTOR", default="optional" if DEMO and not TESTING else "required")
if TWO_FACTOR not in ("required", "optional"):
    raise ImproperlyConfigured(f"TWO_FACTOR is “{TWO_FACTOR}”; it is required or optional.")
STEP_UP_MINUTES = env.int("STEP_UP_MINUTES", default=10)  # how old a code may be when money moves
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=30)
SESSION_HOURS = env.int("SESSION_HOURS", default=12)  # however busy
CSRF_FAILURE_VIEW = "vault.entry.csrf.failed"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static-collected"
WHITENOISE_USE_FINDERS = True

# Behind a TLS proxy in production; the demo speaks plain HTTP on this machine.
SECURE_ONLY = PUBLIC_BASE_URL.startswith("https://")
SECURE_SSL_REDIRECT = SECURE_ONLY and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [
    r"^callbacks/",
    r"^healthz$",
    r"^readyz$",
    r"^metrics$",
]  # a 30x turns a POST into a GET
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_HOPS else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_ONLY
SECURE_HSTS_PRELOAD = SECURE_ONLY
SESSION_COOKIE_SECURE = SECURE_ONLY
SESSION_COOKIE_NAME = "__Host-session" if SECURE_ONLY else "sessionid"  # a browser then takes it from us only
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = (SESSION_HOURS + 24) * 3600  # the gate ends it sooner, and says why
CSRF_COOKIE_SECURE = SECURE_ONLY
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# Celery is the hands: a message names a row, nothing waits in Redis, no results are kept.
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # the sweep repeats what a killed worker dropped
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_DISABLE_RATE_LIMITS = True  # pace is kept for each shortcode and account, not here
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_POOL_LIMIT = 50
CELERY_REDIS_MAX_CONNECTIONS = 100
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "ack_emulation": False,  # messages are only wake-ups; a killed worker's rows are the sweep's
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "health_check_interval": 15,
    "max_connections": 100,
}
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "common.api.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=600)  # for a key that has no rate of its own
API_REFUSED_PER_MINUTE = env.int("API_REFUSED_PER_MINUTE", default=30)  # without a good key, from one address
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Payment Vault",
    "VERSION": "1",
    "DESCRIPTION": "Loans paid out, payments taken in, wallets and messages. Amounts are Kenyan shillings as text, "
    "moments are ISO 8601, phones `2547…`. Every error is `application/problem+json` with a stable `code`.",
    "SCHEMA_PATH_PREFIX": "/api/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "POSTPROCESSING_HOOKS": ["common.api.schema.close_requests", "common.api.schema.share_problems"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
}

LOGGING_CONFIG = None  # structlog, set up in common.logs
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")

from vault.look import FORMAT_MODULE_PATH, UNFOLD  # noqa: E402, F401 - how the pages look
