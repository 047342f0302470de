"""One JSON line per event on stdout, secrets redacted by name and by pattern."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

REDACTED = "***"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api[_-]?key|credential|signature|pepper",
    re.IGNORECASE,
)
SECRET_PATTERNS = re.compile(
    r"sxk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}"  # API keys
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+"  # JSON web tokens
    r"|whsec_[\w+/=-]+"  # webhook secrets
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password in an address
)


def redact(value: Any) -> Any:
    """Return `value` without secrets, however deep they lie."""
    if isinstance(value, str):
        return SECRET_PATTERNS.sub(REDACTED, value)
    if isinstance(value, dict):
        return {
            key: REDACTED if SECRET_NAMES.search(str(key)) else redact(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def redact_secrets(
    logger: Any,
    name: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Blank secrets in a log event; a structlog processor."""
    for key, value in event.items():
        event[key] = REDACTED if SECRET_NAMES.search(key) else redact(value)
    return event


def current_request_id() -> str:
    """Return the id of the request that is being served; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_config(*, level: str, json_lines: bool) -> dict[str, Any]:
    """Return the LOGGING setting, and set structlog up to feed it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=False)
    )
    exceptions = [structlog.processors.format_exc_info] if json_lines else []
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *exceptions,
                    redact_secrets,
                    renderer,
                ],
            }
        },
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            # The request line comes from django_structlog, once, with its context.
            "uvicorn.access": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
        },
    }
