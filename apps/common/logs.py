"""One JSON line per event on stdout, secrets redacted by name and by pattern.

What a command prints is its result, so it logs to stderr.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest

REDACTED = "***"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api[_-]?key|credential|signature|pepper",
    re.IGNORECASE,
)
SECRET_PATTERNS = re.compile(
    r"sxk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}"  # API keys
    r"|sx[gp]_[a-z2-7]{32,}"  # tokens and grants of previews
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+"  # JSON web tokens
    r"|whsec_[\w+/=-]+"  # webhook secrets
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password in an address
    r"|(?<=/)\.?[\w:-]{40,}"  # a part of a path so long that it is the token of a link; ids are shorter
)
# Sent nonetheless, where it is refused unread.
SECRET_PARAMETERS = re.compile(
    r"(?<=[?&])((?:\w*token|\w*key|secret|password|code|signature)=)[^&\s\"']+", re.IGNORECASE
)


def redact(value: Any) -> Any:
    """Return `value` without secrets, however deep they lie."""
    if isinstance(value, str):
        return SECRET_PARAMETERS.sub(rf"\1{REDACTED}", SECRET_PATTERNS.sub(REDACTED, value))
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


def route_of(request: HttpRequest) -> str:
    """Return the template of a request's address, empty if none fits: ids and tokens stay out of the log."""
    match = request.resolver_match
    return match.route if match else ""


class RoutesForPaths(logging.Filter):
    """Writes the template where Django's own lines about a request write its path."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the line, and let it pass."""
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            paths = {request.path, request.get_full_path()}
            record.args = tuple(route_of(request) if each in paths else each for each in record.args)
        return True


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


def logging_config(*, level: str, json_lines: bool, is_command: bool) -> dict[str, Any]:
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
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    renderer = structlog.processors.JSONRenderer() if json_lines else plain
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    # As text before it is redacted: a trace quotes the values that an error names.
                    structlog.processors.format_exc_info,
                    redact_secrets,
                    renderer,
                ],
            }
        },
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "filters": ["routes"],
                "formatter": "line",
                "stream": "ext://sys.stderr" if is_command else "ext://sys.stdout",
            }
        },
        "filters": {"routes": {"()": RoutesForPaths}},
        "root": {"handlers": ["lines"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            # Uvicorn's own handlers know no redaction.
            "uvicorn": {"handlers": [], "propagate": True},
            # The request line comes from django_structlog, once, with its context.
            "uvicorn.access": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
        },
    }
