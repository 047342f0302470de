"""A strict reader of JSON objects: collects what is wrong with JSON pointers, refuses unknown keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from apps.common.errors import FieldError
from apps.datasets.reading.errors import DialectInvalid, MappingInvalid

T = TypeVar("T")


class Document:
    """One JSON object being read; all nested ones share the list of problems."""

    def __init__(self, content: object, pointer: str = "", problems: list[FieldError] | None = None) -> None:
        self.pointer = pointer
        self.problems: list[FieldError] = [] if problems is None else problems
        self._rest: dict[str, Any] = {}
        if isinstance(content, Mapping):
            self._rest = {str(key): value for key, value in content.items()}
        else:
            self.refuse("", "type", "Expected an object.")

    def refuse(self, key: str, code: str, detail: str) -> None:
        """Note a problem with `key`, or with the object itself if it is empty."""
        pointer = f"{self.pointer}/{_escape(key)}" if key else self.pointer
        self.problems.append(FieldError(detail=detail, code=code, pointer=pointer))

    def has(self, key: str) -> bool:
        """Tell whether the key is there and not null."""
        return self._rest.get(key) is not None

    def require(self, key: str) -> None:
        """Note a missing key."""
        if not self.has(key):
            self.refuse(key, "required", "This key is required.")

    def child(self, key: str) -> "Document":
        """Take a nested object; absent ones read as empty."""
        content = self._rest.pop(key, None)
        return Document({} if content is None else content, f"{self.pointer}/{_escape(key)}", self.problems)

    def text(self, key: str, default: str, longest: int = 255) -> str:
        """Take a string that is not empty."""
        content = self._take(key, str)
        if content is None or 0 < len(content) <= longest:
            return default if content is None else content
        self.refuse(key, "length", f"Expected 1 to {longest} characters.")
        return default

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        """Take one of a few strings."""
        content = self._take(key, str)
        if content is None or content in allowed:
            return default if content is None else content
        self.refuse(key, "choice", f"Expected one of: {', '.join(allowed)}.")
        return default

    def flag(self, key: str) -> bool:
        """Take a boolean, false where it is absent."""
        return bool(self._take(key, bool))

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Take an integer within bounds."""
        content = self._take(key, int)
        if content is None:
            return default
        if isinstance(content, bool) or not low <= content <= high:
            self.refuse(key, "range", f"Expected an integer from {low} to {high}.")
            return default
        return content

    def array(
        self, key: str, default: tuple[T, ...], convert: Callable[[object], T], longest: int
    ) -> tuple[T, ...]:
        """Take a list; `convert` raises ValueError with the reason for an element it refuses."""
        content = self._take(key, list)
        if content is None:
            return default
        if len(content) > longest:
            self.refuse(key, "length", f"Expected at most {longest} elements.")
            return default
        elements = []
        for index, element in enumerate(content):
            try:
                elements.append(convert(element))
            except ValueError as error:
                self.problems.append(
                    FieldError(str(error), "invalid", f"{self.pointer}/{_escape(key)}/{index}")
                )
        return tuple(elements)

    def peek(self, key: str) -> Any:
        """Return the raw content of a key without taking it."""
        return self._rest.get(key)

    def close(self) -> None:
        """Refuse every key that was not taken."""
        for key in self._rest:
            self.refuse(key, "unknown", "This key is not known here.")
        self._rest = {}

    def _take(self, key: str, expected: type[T]) -> T | None:
        content = self._rest.pop(key, None)
        if content is None or isinstance(content, expected):
            return content
        self.refuse(key, "type", f"Expected {_TYPE_NAMES[expected]}.")
        return None


_TYPE_NAMES: dict[type, str] = {str: "a string", bool: "true or false", int: "an integer", list: "a list"}


def _escape(key: str) -> str:
    """Escape a key as a reference token of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def read_inside(parse: Callable[[Any], T], value: Any, name: str) -> T:
    """Read a document inside a body; what is wrong with it is pointed to from the body's root."""
    try:
        return parse(value)
    except (MappingInvalid, DialectInvalid) as error:
        errors = [replace(item, pointer=f"/{name}{item.pointer or ''}") for item in error.errors]
        raise type(error)(error.detail, errors=errors, extra=error.extra) from error
