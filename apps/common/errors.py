"""The tree of domain errors; knows no HTTP.

    DomainError
    ├── Malformed          the request cannot be understood
    ├── Unauthenticated    nobody, or nobody valid, is signed in
    ├── Forbidden          visible to the actor, but not allowed
    ├── NotFound           not there, or not the actor's
    ├── Conflict           wrong state or duplicate
    ├── Expired            was there, its time has passed
    ├── PreconditionFailed the object changed since it was read
    ├── Locked             somebody else is changing it at this moment
    ├── Corrupted          the bytes that arrived are not those that were sent
    ├── TooLarge           over a size limit
    ├── Invalid            well formed, but a value is wrong
    ├── Throttled          too many
    └── Unavailable        a part is missing just now

A subclass stands in the module that raises it and sets `code`, which is part of the API. `problems.py`
alone gives each branch its status.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one input: a JSON pointer (`/name`) or a query parameter (`name`)."""

    detail: str
    code: str = "invalid"
    pointer: str | None = None
    parameter: str | None = None


class DomainError(Exception):
    """Something anticipated went wrong."""

    code: ClassVar[str] = "server.error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.detail = detail or self.title()
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)

    def explain(self) -> str:
        """Return detail and items as text, for a terminal."""
        return "\n".join([self.detail, *(item.detail for item in self.errors)])

    @classmethod
    def title(cls) -> str:
        """Return the first line of the class's docstring, which is the error's title on the wire."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @classmethod
    def explanation(cls) -> str:
        """Return the whole docstring, for the page `/problems/<code>`."""
        return (cls.__doc__ or cls.__name__).strip()


class Malformed(DomainError):
    """The request cannot be understood."""

    code = "request.malformed"


class Unauthenticated(DomainError):
    """Sign in first."""

    code = "auth.required"


class Forbidden(DomainError):
    """Your role does not allow this."""

    code = "permission.denied"


class NotFound(DomainError):
    """There is no such thing here."""

    code = "not_found"


class Conflict(DomainError):
    """The object's state does not allow this."""

    code = "conflict.state"


class Duplicate(Conflict):
    """The same thing exists already."""

    code = "conflict.duplicate"


class QuotaExceeded(Conflict):
    """A quota of the installation is used up."""

    code = "quota.exceeded"


class Expired(DomainError):
    """It was here; its time has passed."""

    code = "expired"


class PreconditionFailed(DomainError):
    """The object changed since you read it."""

    code = "precondition.failed"


class Locked(DomainError):
    """Somebody else is changing this at the moment; try again."""

    code = "locked"


class Corrupted(DomainError):
    """The bytes that arrived are not those that were sent."""

    code = "request.corrupted"


class TooLarge(DomainError):
    """The request is larger than allowed."""

    code = "request.too_large"


class Invalid(DomainError):
    """Some values are invalid."""

    code = "request.invalid"


class Throttled(DomainError):
    """Too many requests; wait for the time that Retry-After states."""

    code = "rate.limited"


class Unavailable(DomainError):
    """A part of the service is unavailable just now; try again."""

    code = "service.unavailable"


@contextmanager
def named_by_pointer() -> Iterator[None]:
    """Let what the code inside says of parameters be said of the fields of a body."""
    try:
        yield
    except Invalid as error:
        error.errors = tuple(
            replace(item, pointer=f"/{item.parameter}", parameter=None) if item.parameter else item
            for item in error.errors
        )
        raise


def iter_error_classes(root: type[DomainError] = DomainError) -> list[type[DomainError]]:
    """Return `root` and every subclass that is loaded, each once, in definition order."""
    found = [root]
    for child in root.__subclasses__():
        found.extend(cls for cls in iter_error_classes(child) if cls not in found)
    return found
