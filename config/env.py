"""Typed reading of settings from the environment.

Each reader takes the name of a variable and its default, and raises ImproperlyConfigured with that name when
the value does not fit. `NAME_FILE` may name a file that holds the value; an empty variable counts as absent.
Secrets and server addresses that are absent come from the data folder, where `manage.py up` keeps them.
"""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

from config.embedded import addresses

BASE_DIR: Final = Path(__file__).resolve().parent.parent
SECRET_MIN_BYTES: Final = 32
POSTGRES_SCHEMES: Final = ("postgres", "postgresql", "psql", "pgsql")
REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
MAIL_PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
MAIL_SCHEMES: Final = ("file", *MAIL_PORTS)

ValueT = TypeVar("ValueT")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def _read(name: str) -> str | None:
    """Return the stripped value of a variable or of the file it names; None if absent or empty."""
    try:
        value = FileAwareMapping(cache=False).get(name)
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}") from error
    return (value or "").strip() or None


def env_str(name: str, default: str = "") -> str:
    """Return a text."""
    value = _read(name)
    return default if value is None else value


def env_choice(name: str, default: str, choices: Collection[str]) -> str:
    """Return one of `choices`."""
    value = env_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(choices))}, not {value!r}")
    return value


def env_bool(name: str, default: bool) -> bool:
    """Return a switch: true, yes, on, 1, or false, no, off, 0."""
    value = _read(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def env_int(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return a whole number within the limits."""
    value = _read(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from error
    _check_range(name, number, minimum, maximum)
    return number


def env_float(name: str, default: float, *, minimum: float = 0.0, maximum: float | None = None) -> float:
    """Return a number within the limits."""
    value = _read(name)
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}") from error
    _check_range(name, number, minimum, maximum)
    return number


def _check_range(name: str, number: float, minimum: float, maximum: float | None) -> None:
    # Written so that NaN, which compares false with everything, is refused as well.
    if not number >= minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}")
    if maximum is not None and not number <= maximum:
        raise ImproperlyConfigured(f"{name} must be at most {maximum}, not {number}")


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return the items of a list separated by commas or line ends."""
    value = _read(name)
    return list(default) if value is None else _split(value)


def env_json(name: str, default: Any) -> Any:
    """Return the value of a JSON document of the same type as `default`."""
    value = _read(name)
    if value is None:
        return default
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not valid JSON: {error}") from error
    if not isinstance(parsed, type(default)):
        raise ImproperlyConfigured(f"{name} must be a JSON {type(default).__name__}")
    return parsed


def env_checked(name: str, default: Any, check: Callable[[Any], ValueT]) -> ValueT:
    """Return what `check` makes of a JSON document; its ValueError says what does not fit."""
    try:
        return check(env_json(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} does not fit: {error}") from error


def env_url(name: str, default: str, schemes: Collection[str]) -> str:
    """Return an address whose scheme is one of `schemes`; an empty default stays empty."""
    value = _read(name)
    if value is None:
        return default
    if urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must start with one of: {', '.join(f'{s}://' for s in schemes)}")
    return value


def email_settings(name: str, default_folder: Path) -> dict[str, Any]:
    """Return Django's settings of mail for an address; absent means files in `default_folder`.

    `file:///folder`, `smtp://user:password@host:587`, `smtp+tls://` (STARTTLS), `smtps://` (TLS at once).
    """
    parts = urlsplit(env_url(name, default_folder.as_uri(), MAIL_SCHEMES))
    if parts.scheme == "file":
        backend = "django.core.mail.backends.filebased.EmailBackend"
        return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": Path(unquote(parts.path))}
    try:
        port = parts.port or MAIL_PORTS[parts.scheme]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has no valid port") from error
    if not parts.hostname:
        raise ImproperlyConfigured(f"{name} names no host")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def env_path(name: str, default: Path) -> Path:
    """Return an absolute path; a relative one starts at the project's folder."""
    return (BASE_DIR / env_str(name, str(default))).absolute()


def secret_list(name: str, var_dir: Path) -> list[str]:
    """Return the secrets of one kind: the first signs, all verify.

    Taken from the environment, else from `var_dir`/secrets. Raises ImproperlyConfigured if there is none, or
    if one is shorter than 32 bytes.
    """
    value = _read(name) or _stored_secret(name, var_dir)
    secrets = _split(value or "")
    if not secrets:
        hint = f"set it or {name}_FILE; `manage.py up` makes one by itself"
        raise ImproperlyConfigured(f"{name} is missing: {hint}")
    if any(len(secret.encode()) < SECRET_MIN_BYTES for secret in secrets):
        raise ImproperlyConfigured(
            f"{name} is too short: each secret needs at least {SECRET_MIN_BYTES} bytes"
        )
    return secrets


def database_settings(name: str, var_dir: Path) -> dict[str, Any]:
    """Return one entry of DATABASES; an absent variable means the embedded server of `var_dir`."""
    value = env_url(name, "", POSTGRES_SCHEMES)
    if not value:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": addresses.DATABASE_NAME,
            "USER": addresses.DATABASE_USER,
            "HOST": str(addresses.socket_folder(var_dir)),
            "PORT": str(addresses.POSTGRES_PORT),
        }
    try:
        settings: dict[str, Any] = environ.Env.db_url_config(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a valid address: {error}") from error
    if not settings["NAME"]:
        raise ImproperlyConfigured(f"{name} names no database")
    return settings


def redis_url(name: str, var_dir: Path) -> str:
    """Return a Valkey address as redis-py takes it; absent means the embedded server of `var_dir`."""
    return env_url(name, f"unix://{quote(str(addresses.valkey_socket(var_dir)))}", REDIS_SCHEMES)


def celery_broker_url(url: str) -> str:
    """Return the same address in the form Celery takes, which names a Unix socket differently."""
    return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


def _split(value: str) -> list[str]:
    return [item.strip() for line in value.splitlines() for item in line.split(",") if item.strip()]


def _stored_secret(name: str, var_dir: Path) -> str | None:
    """Return what `manage.py up` stored; unreadable counts as absent: the error names the variable."""
    try:
        return (var_dir / "secrets" / name.lower()).read_text()
    except OSError:
        return None
