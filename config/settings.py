"""Every setting, read once from the environment, typed; `deploy/env.example` documents each name.

Order: base, apps, requests, database, stores, people, API, live, workers, observing, keeping, static files,
products.
"""

from pathlib import Path
from typing import Any

from apps.common.csp import CSP, origins
from apps.common.logs import logging_config
from apps.common.quotas import merged
from config import env
from config.enum_names import ENUM_NAMES
from config.shared_counting import share_between_processes

# --- base
BASE_DIR = Path(__file__).resolve().parent.parent
RELEASE = "0.1.0"
# Which process this is: web, worker, beat, or command (the default) for everything else.
ROLE = env.env_choice("SEXTANT_ROLE", "command", ("web", "worker", "beat", "command"))
VAR_DIR = env.env_path("VAR_DIR", BASE_DIR / "var")
DEBUG = env.env_bool("DEBUG", default=False)
BASE_URL = env.env_str("BASE_URL", "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
IS_HTTPS = BASE_URL.startswith("https://")

SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secret_list("SECRET_KEY", VAR_DIR)
JWT_SIGNING_KEYS = env.secret_list("JWT_SIGNING_KEYS", VAR_DIR)
ENCRYPTION_KEYS = env.secret_list("ENCRYPTION_KEYS", VAR_DIR)
KEY_PEPPERS = env.secret_list("KEY_PEPPERS", VAR_DIR)

# --- apps
INSTALLED_APPS = [
    "config",
    "apps.spatial",
    "apps.previews",
    "apps.datasets",
    "apps.projects",
    "apps.metrics",
    "apps.signals",
    "apps.accounts",
    "config.admin.SextantAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "django_celery_beat",
    "django_structlog",
    "django_prometheus",
]
if ROLE == "beat":
    # The clock reads its own table and sends messages; without the products it takes half the memory.
    INSTALLED_APPS = ["config", "django.contrib.contenttypes", "django_celery_beat"]

METRICS_FOLDER = VAR_DIR / "run" / "metrics" if ROLE in {"web", "worker"} else None
if METRICS_FOLDER is not None:
    # Before anything is counted: django-prometheus makes its series when its middleware is loaded.
    share_between_processes(METRICS_FOLDER, ROLE)

# --- requests
MAINTENANCE_READ_ONLY = env.env_bool("MAINTENANCE_READ_ONLY", default=False)
MIDDLEWARE = [
    "apps.common.health.liveness",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.common.middleware.HardeningHeaders",
    "apps.common.csp.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.middleware.RequestContext",
    "corsheaders.middleware.CorsMiddleware",
    "apps.common.read_only.ReadOnlyMode",
    "apps.common.uploads.UploadCleanup",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.page_sessions.PageSessionUse",
    "apps.accounts.authentication.ActorMiddleware",
    "apps.common.middleware.RateLimits",
    "apps.common.problems.ProblemMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
USE_THOUSAND_SEPARATOR = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# Of an address, too, where 8 KiB are the bound; the 200 fields of a form are counted by its parser.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_HANDLERS = ["apps.common.uploads.StorageUploadHandler"]
TRUSTED_PROXIES = env.env_list("TRUSTED_PROXIES")
CORS_ORIGINS = env.env_list("CORS_ORIGINS")
CORS_ALLOWED_ORIGINS = CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/(api/|mcp$)"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "mcp-protocol-version",
    "tus-resumable",
    "upload-checksum",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-api-key",
    "x-organization",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "content-disposition",
    "etag",
    "idempotency-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "sextant-version",
    "tus-resumable",
    "tus-version",
    "upload-expires",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-request-id",
]
OUTBOUND_ALLOW = env.env_list("OUTBOUND_ALLOW")
OUTBOUND_PROXY = env.env_str("OUTBOUND_PROXY")
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.common.csp.nonce_context",
                "apps.accounts.pages.page_frame",
            ],
            "libraries": {
                "pages": "apps.common.page_tags",
                "signal_pages": "apps.signals.page_tags",
                "project_pages": "apps.projects.page_tags",
            },
        },
    }
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = env.env_int("HSTS_SECONDS", 31_536_000) if IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
MAP_TILE_URL = env.env_str("MAP_TILE_URL")
MAP_STYLE_URL = env.env_str("MAP_STYLE_URL")
_map_origins = origins(MAP_TILE_URL, MAP_STYLE_URL)
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:", "blob:", *_map_origins],
    "font-src": [CSP.SELF],
    # The websocket's scheme counts as another origin in browsers before CSP level 3.
    "connect-src": [CSP.SELF, *(f"ws{origin[4:]}" for origin in origins(BASE_URL)), *_map_origins],
    "worker-src": [CSP.SELF, "blob:"],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
HARDENING_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen"),
            *("geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "usb"),
        )
    ),
}

# --- database
DATABASES: dict[str, dict[str, Any]] = {"default": env.database_settings("DATABASE_URL", VAR_DIR)}
DATABASES["default"].setdefault("OPTIONS", {})
STATEMENT_TIMEOUT_S = env.env_int("STATEMENT_TIMEOUT_S", 25, minimum=1)
if ROLE == "web":
    _pool_min, _pool_max = (int(size) for size in env.env_list("DATABASE_POOL", ["2", "20"]))
    DATABASES["default"]["OPTIONS"] |= {
        "pool": {"min_size": _pool_min, "max_size": _pool_max, "timeout": 10},
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_S}s",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- stores
REDIS_URL = env.redis_url("REDIS_URL", VAR_DIR)
CACHE_URL = env.env_url("CACHE_URL", REDIS_URL, env.REDIS_SCHEMES)
CHANNEL_URL = env.env_url("CHANNEL_URL", REDIS_URL, env.REDIS_SCHEMES)
CELERY_BROKER_URL = env.celery_broker_url(
    env.env_url("CELERY_BROKER_URL", REDIS_URL, (*env.REDIS_SCHEMES, "redis+socket", "amqp", "amqps"))
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7_200,
    "socket_connect_timeout": 0.25,
    # A lost broker costs a request one failed connection, not seconds of retries.
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "queue_order_strategy": "priority",
}
if ROLE != "worker":
    # A broker that hangs costs no more than one that is gone. A worker waits for its messages without limit.
    CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] = 0.5
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": f"sextant:{RELEASE}",
        "OPTIONS": {
            # Without Valkey reads go on uncached (platform.md section 14): connect 0.25 s, call 0.5 s.
            "SOCKET_CONNECT_TIMEOUT": 0.25,
            "SOCKET_TIMEOUT": 0.5,
            "IGNORE_EXCEPTIONS": True,
        },
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # With redis-py 8 an idle socket is dropped after 5 s unless the host says otherwise.
        "CONFIG": {"hosts": [{"address": CHANNEL_URL, "socket_timeout": None}]},
    }
}
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": MEDIA_ROOT,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- people
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the address is unique by lower(email), which the check cannot see
AUTHENTICATION_BACKENDS = ["apps.accounts.authentication.PasswordBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SIGNUP_MODE = env.env_choice("SIGNUP_MODE", "invite", ("invite", "open", "closed"))
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
SESSION_ENGINE = "apps.accounts.page_sessions"
SESSION_COOKIE_NAME = "__Host-sx_session" if IS_HTTPS else "sx_session"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_SAVE_EVERY_REQUEST = False
CSRF_COOKIE_NAME = "__Host-sx_csrf" if IS_HTTPS else "sx_csrf"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_FAILURE_VIEW = "apps.common.problems.csrf_failure"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "apps.accounts.adapter.PageAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# EMAIL_BACKEND and, by back end, EMAIL_FILE_PATH or EMAIL_HOST and what belongs to it.
globals().update(env.email_settings("EMAIL_URL", VAR_DIR / "mail"))
EMAIL_TIMEOUT = 10
EMAIL_FROM = env.env_str("EMAIL_FROM", "Sextant <sextant@localhost>")
ACCOUNT_FORMS = {"login": "apps.accounts.forms.SignInForm"}
ACCOUNT_RATE_LIMITS = False  # `throttles` counts sign-ins and `services.lockout` failures, for all doors
ACCESS_TOKEN_MINUTES = env.env_int("ACCESS_TOKEN_MINUTES", 60, minimum=1)
REFRESH_TOKEN_DAYS = env.env_int("REFRESH_TOKEN_DAYS", 30, minimum=1)
REFRESH_GRACE_S = env.env_int("REFRESH_GRACE_S", 10)
SESSION_MAX_DAYS = env.env_int("SESSION_MAX_DAYS", 90, minimum=1)

# --- API
REST_FRAMEWORK: dict[str, Any] = {
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter of our own where a list has several
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.requests.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.ApiSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "apps.common.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Sextant",
    "DESCRIPTION": "Self-hosted operations intelligence: one login and one API over all products.",
    "VERSION": RELEASE,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # The body of a PATCH has a serializer of its own, which says itself what may be left out.
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.common.schema.add_problems",
    ],
}

# --- limits
RATE_LIMITS = env.env_checked("RATE_LIMITS", {}, merged)
ORG_RATE_PER_MINUTE = env.env_int("ORG_RATE_PER_MINUTE", 0)
GLOBAL_RATE_PER_MINUTE = env.env_int("GLOBAL_RATE_PER_MINUTE", 0)

# --- live
LIVE_MAX_CONNECTIONS = env.env_int("LIVE_MAX_CONNECTIONS", 2_000, minimum=1)
LIVE_MAX_PER_USER = env.env_int("LIVE_MAX_PER_USER", 10, minimum=1)

# --- workers
# Memory and time limits of a job need processes; `solo` runs one job at a time, for looking into one.
WORKER_POOL = env.env_choice("WORKER_POOL", "prefork", ("prefork", "solo"))
WORKER_CONCURRENCY = env.env_int("WORKER_CONCURRENCY", 2, minimum=1)
WORKER_MAX_TASKS = env.env_int("WORKER_MAX_TASKS", 200, minimum=1)
WORKER_MAX_MEMORY_MB = env.env_int("WORKER_MAX_MEMORY_MB", 512, minimum=64)
JOB_ORG_CONCURRENCY = env.env_int("JOB_ORG_CONCURRENCY", 4, minimum=1)
CELERY_WORKER_POOL = WORKER_POOL
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY
CELERY_WORKER_MAX_TASKS_PER_CHILD = WORKER_MAX_TASKS
CELERY_WORKER_MAX_MEMORY_PER_CHILD = WORKER_MAX_MEMORY_MB * 1024

# --- observing
LOG_LEVEL = env.env_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.env_choice("LOG_FORMAT", "json", ("json", "console"))
LOGGING = logging_config(level=LOG_LEVEL, json_lines=LOG_FORMAT == "json", is_command=ROLE == "command")
HEALTH_TOKEN = env.env_str("HEALTH_TOKEN")
METRICS_TOKEN = env.env_str("METRICS_TOKEN")

# --- AI port
AI_PROVIDER = env.env_choice("AI_PROVIDER", "none", ("none", "openai_compatible", "recording"))
AI_BASE_URL = env.env_str("AI_BASE_URL")
AI_API_KEY = env.env_str("AI_API_KEY")
AI_MODEL = env.env_str("AI_MODEL")
AI_TIMEOUT_S = env.env_float("AI_TIMEOUT_S", 30.0, minimum=1.0)
AI_DAILY_TOKENS = env.env_int("AI_DAILY_TOKENS", 200_000)

# --- keeping
AUDIT_DAYS = env.env_int("AUDIT_DAYS", 400, minimum=1)
NOTIFICATION_DAYS = env.env_int("NOTIFICATION_DAYS", 90, minimum=1)
JOB_DAYS = env.env_int("JOB_DAYS", 30, minimum=1)

# --- static files
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS: list[Any] = [
    BASE_DIR / "static",
    # What pages load of the browser libraries, picked by config/browser_libraries.py.
    ("vendor", BASE_DIR / "node_modules" / "sextant-served"),
]

# --- products: datasets
DATASETS_OWN_TABLE_MIN_ROWS = env.env_int("DATASETS_OWN_TABLE_MIN_ROWS", 250_000)
DATASETS_CHUNK_ROWS = env.env_int("DATASETS_CHUNK_ROWS", 250_000, minimum=1_000)
DATASETS_FAST_PATH = env.env_bool("DATASETS_FAST_PATH", default=True)
DATASETS_MULTIPART_MAX_BYTES = env.env_int("DATASETS_MULTIPART_MAX_BYTES", 209_715_200, minimum=1)
DATASETS_UPLOAD_MAX_BYTES = env.env_int("DATASETS_UPLOAD_MAX_BYTES", 2_147_483_648, minimum=1)
DATASETS_FETCH_MAX_BYTES = env.env_int("DATASETS_FETCH_MAX_BYTES", 2_147_483_648, minimum=1)
DATASETS_UPLOAD_TTL_H = env.env_int("DATASETS_UPLOAD_TTL_H", 24, minimum=1)
DATASETS_REJECT_LIMIT = env.env_float("DATASETS_REJECT_LIMIT", 0.20, maximum=1.0)
DATASETS_REJECTS_MAX = env.env_int("DATASETS_REJECTS_MAX", 1_000_000, minimum=1)
DATASETS_EVIDENCE_DAYS = env.env_int("DATASETS_EVIDENCE_DAYS", 90, minimum=1)
DATASETS_SOURCE_FILE_DAYS = env.env_int("DATASETS_SOURCE_FILE_DAYS", 30, minimum=1)
DATASETS_KEEP_VERSIONS = env.env_int("DATASETS_KEEP_VERSIONS", 3, minimum=1, maximum=50)
DATASETS_PERSONAL_WORDS = env.env_list(
    "DATASETS_PERSONAL_WORDS",
    [
        "age",
        "gender",
        "sex",
        "ethnic",
        "ethnicity",
        "race",
        "religion",
        "birth",
        "phone",
        "email",
        "surname",
        "nationality",
    ],
)

# --- products: metrics
METRICS_MAX_BATCH_POINTS = env.env_int("METRICS_MAX_BATCH_POINTS", 10_000, minimum=1)
METRICS_MAX_BODY_BYTES = env.env_int("METRICS_MAX_BODY_BYTES", 8 * 1024**2, minimum=1)
METRICS_MAX_INFLATED_BYTES = env.env_int("METRICS_MAX_INFLATED_BYTES", 32 * 1024**2, minimum=1)
METRICS_SKEW_PAST_S = env.env_int("METRICS_SKEW_PAST_S", 604_800)
METRICS_SKEW_FUTURE_S = env.env_int("METRICS_SKEW_FUTURE_S", 604_800)
METRICS_RAW_DAYS = env.env_int("METRICS_RAW_DAYS", 90, minimum=1)
METRICS_ROLLUP_15M_DAYS = env.env_int("METRICS_ROLLUP_15M_DAYS", 0)
METRICS_ROLLUP_1H_DAYS = env.env_int("METRICS_ROLLUP_1H_DAYS", 0)
METRICS_MAX_METRICS = env.env_int("METRICS_MAX_METRICS", 200_000, minimum=1)
METRICS_NAME_CACHE = env.env_int("METRICS_NAME_CACHE", 200_000, minimum=1)
METRICS_COMPACT_EVERY_S = env.env_int("METRICS_COMPACT_EVERY_S", 5, minimum=1)
METRICS_COMPACT_POINTS = env.env_int("METRICS_COMPACT_POINTS", 500_000, minimum=1)
METRICS_COMPACT_SEGMENTS = env.env_int("METRICS_COMPACT_SEGMENTS", 2_000, minimum=1)
METRICS_COMPACT_AGE_S = env.env_int("METRICS_COMPACT_AGE_S", 300, minimum=1)
METRICS_PENDING_POINTS = env.env_int("METRICS_PENDING_POINTS", 50_000_000, minimum=1)
METRICS_INFLIGHT_BYTES = env.env_int("METRICS_INFLIGHT_BYTES", 64 * 1024**2, minimum=1)
METRICS_LANES = env.env_int("METRICS_LANES", 1, minimum=1, maximum=1_024)
METRICS_STATHAT_HOSTS = env.env_list("METRICS_STATHAT_HOSTS")
METRICS_FAULT = env.env_str("METRICS_FAULT")

# --- signals
RUNS_ROOT = env.env_str("RUNS_ROOT", str(VAR_DIR / "runs"))
INSIGHT_GRAPH_RUN = env.env_str("INSIGHT_GRAPH_RUN")
TAXONOMY_PATH = env.env_str("TAXONOMY_PATH")
SIGNALS_DEFAULT_ORGANIZATION = env.env_str("SIGNALS_DEFAULT_ORGANIZATION")
SIGNALS_DBT_SCHEMA = env.env_str("SIGNALS_DBT_SCHEMA", "public")
SIGNALS_DBT_THREADS = env.env_int("SIGNALS_DBT_THREADS", 2, minimum=1, maximum=16)
SIGNALS_DBT_TIMEOUT_S = env.env_int("SIGNALS_DBT_TIMEOUT_S", 1_800, minimum=1)
SIGNALS_LOAD_PROCESSES = env.env_int("SIGNALS_LOAD_PROCESSES", 2, minimum=1, maximum=16)
SIGNALS_HYDRATE_BATCH = env.env_int("SIGNALS_HYDRATE_BATCH", 1_000, minimum=100, maximum=5_000)
SIGNALS_FAULT = env.env_str("SIGNALS_FAULT")

# --- projects
PROJECTS_DATA_DIR = env.env_path("PROJECTS_DATA_DIR", VAR_DIR / "projects")
PROJECTS_MIRROR_MAX_BYTES = env.env_int("PROJECTS_MIRROR_MAX_BYTES", 500 * 1024**2, minimum=1)
PROJECTS_ORG_MAX_BYTES = env.env_int("PROJECTS_ORG_MAX_BYTES", 10 * 1024**3, minimum=1)
PROJECTS_EXTRA_PORTS = env.env_list("PROJECTS_EXTRA_PORTS")
# Loopback `host:port` pairs where git:// and http:// work: for tests alone.
PROJECTS_TEST_REMOTES = env.env_list("PROJECTS_TEST_REMOTES")
PROJECTS_SYNC_MIN_S = env.env_int("PROJECTS_SYNC_MIN_S", 300, minimum=1)
PROJECTS_SYNC_MAX_S = env.env_int("PROJECTS_SYNC_MAX_S", 28_800, minimum=1)
PROJECTS_SYNC_TIMEOUT_S = env.env_int("PROJECTS_SYNC_TIMEOUT_S", 570, minimum=1)
PROJECTS_MANIFEST_KEYS = env.secret_list("PROJECTS_MANIFEST_KEYS", VAR_DIR)
PROJECTS_RENAME_TIMEOUT_S = env.env_int("PROJECTS_RENAME_TIMEOUT_S", 300, minimum=1)
PROJECTS_RENAME_MEMORY_BYTES = env.env_int("PROJECTS_RENAME_MEMORY_BYTES", 2 * 1024**3, minimum=1)
PROJECTS_FAULT = env.env_str("PROJECTS_FAULT")

# --- previews
PREVIEWS_DEV_URLS = env.env_bool("PREVIEWS_DEV_URLS", default=False)
PREVIEWS_TTL_S = env.env_int("PREVIEWS_TTL_S", 1_200, minimum=60, maximum=3_600)
PREVIEWS_DIRECT_MAX_BYTES = env.env_int("PREVIEWS_DIRECT_MAX_BYTES", 25 * 1024**2, minimum=1)
PREVIEWS_MAX_EXPANDED_BYTES = env.env_int("PREVIEWS_MAX_EXPANDED_BYTES", 300 * 1024**2, minimum=1)
PREVIEWS_MAX_ENTRIES = env.env_int("PREVIEWS_MAX_ENTRIES", 5_000, minimum=1)
PREVIEWS_CLEANUP = env.env_bool("PREVIEWS_CLEANUP", default=True)
PREVIEWS_DRY_RUN = env.env_bool("PREVIEWS_DRY_RUN", default=False)
PREVIEWS_GRACE_S = env.env_int("PREVIEWS_GRACE_S", 1_800)
PREVIEWS_PURGE_AFTER_S = env.env_int("PREVIEWS_PURGE_AFTER_S", 86_400)

# --- products: spatial
SPATIAL_MAX_CELLS = env.env_int("SPATIAL_MAX_CELLS", 50_000, minimum=1)
SPATIAL_MAX_CELLS_COMPACT = env.env_int("SPATIAL_MAX_CELLS_COMPACT", 1_000_000, minimum=1)
SPATIAL_EXPORT_MAX_ROWS = env.env_int("SPATIAL_EXPORT_MAX_ROWS", 10_000_000, minimum=1)
SPATIAL_CACHE_TTL_S = env.env_int("SPATIAL_CACHE_TTL_S", 600, minimum=1)
SPATIAL_TRAIN_LIMIT_S = env.env_int("SPATIAL_TRAIN_LIMIT_S", 1_800, minimum=1)
SPATIAL_PREDICTION_DAYS = env.env_int("SPATIAL_PREDICTION_DAYS", 90, minimum=1)
