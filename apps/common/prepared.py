"""Queries that Django turns into SQL once per process: for those that nearly every request runs.

    KEY_BY_PREFIX = Prepared(lambda prefix: ApiKey.objects.living().filter(prefix=prefix), "prefix")
    KEY_BY_PREFIX.first(prefix="k3J9a0Zb")

To compile a queryset costs several times what PostgreSQL takes to answer it by an index. Nothing that the
database says is kept here, only the statement: each call asks anew, so what was revoked is seen as revoked.
"""

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import Expression, QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler

ModelT = TypeVar("ModelT", bound=models.Model)


class NotPreparable(Exception):
    """The queryset is not the same statement each time."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a value among a statement's parameters."""

    name: str


class Open(Expression):
    """A value that is filled in when the query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        """Return a parameter of the statement."""
        return "%s", [Slot(self.name)]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a queryset compiles to, with the compiler, which knows how rows become objects.

    Stands in for the `query` of Django's queryset, of which iteration asks nothing but its compiler.
    """

    compiler: SQLCompiler
    sql: str
    parameters: tuple[Any, ...]
    converters: Mapping[int, Any]

    @classmethod
    def of(cls, queryset: QuerySet[Any]) -> "Statement":
        """Compile a queryset of model objects; raises NotPreparable."""
        if queryset._iterable_class is not ModelIterable or queryset._prefetch_related_lookups:  # type: ignore[attr-defined]  # noqa: SLF001
            raise NotPreparable
        compiler = queryset.query.get_compiler(using=queryset.db)
        try:
            sql, parameters = compiler.as_sql()
        except EmptyResultSet as error:
            raise NotPreparable from error
        converters = compiler.get_converters([column[0] for column in compiler.select])
        return cls(compiler, sql, tuple(parameters), converters)

    def is_same(self, other: "Statement") -> bool:
        """Tell whether two statements differ in nothing."""
        return (self.sql, self.parameters) == (other.sql, other.parameters)

    def filled_in(self, values: Mapping[str, Any]) -> "Statement":
        """Return the statement with its values."""
        filled = [values[item.name] if isinstance(item, Slot) else item for item in self.parameters]
        return Statement(self.compiler, self.sql, tuple(filled), self.converters)

    def get_compiler(self, using: str) -> Any:
        """Return a compiler that has done its work, on this thread's connection."""
        compiler: Any = copy.copy(self.compiler)
        compiler.connection = connections[using]
        compiler.as_sql = lambda: (self.sql, self.parameters)
        compiler.get_converters = lambda _columns: self.converters
        return compiler


class Prepared(Generic[ModelT]):
    """A query that is always the same but for its values; `build` gets an expression for each of `names`."""

    def __init__(self, build: Callable[..., QuerySet[ModelT]], *names: str) -> None:
        self._build = build
        self._names = names

    @functools.cached_property
    def _template(self) -> QuerySet[ModelT]:
        return self._build(**{name: Open(name) for name in self._names})

    @functools.cached_property
    def statement(self) -> Statement:
        """Return what the query compiles to; raises NotPreparable."""
        statement = Statement.of(self._template)
        # Else it contains something of the moment at which it was compiled: a clock, a random name.
        if not statement.is_same(Statement.of(self._build(**{name: Open(name) for name in self._names}))):
            raise NotPreparable
        return statement

    def first(self, **values: Any) -> ModelT | None:
        """Return the one row of these values, which are what the columns hold: ids, not objects."""
        return next(iter(self.rows(**values)), None)

    def rows(self, **values: Any) -> list[ModelT]:
        """Return the rows of these values."""
        template, query = self._template, self.statement.filled_in(values)
        found: QuerySet[ModelT] = QuerySet(template.model, query=query, using=template.db)  # type: ignore[arg-type]
        return list(found)


@dataclass(frozen=True, slots=True)
class Anybody:
    """An actor of whom only the organization is known, and of that only that it is one."""

    organization: Open


def prepare_visible(rows: QuerySet[ModelT] | models.Manager[ModelT], field: str) -> Prepared[ModelT] | None:
    """Return the look-up of one row by `field` and `organization`; None where it takes more to see a row.

    `visible_to` is asked itself, for `Anybody`: one that looks at anything else, say at a role or a person,
    finds no such attribute and stays as it is.
    """
    prepared = Prepared(
        lambda organization, value: rows.all().visible_to(Anybody(organization)).filter(**{field: value}),  # type: ignore[attr-defined]
        "organization",
        "value",
    )
    try:
        prepared.statement  # noqa: B018 - compiled to see whether it can be
    except (AttributeError, NotPreparable):
        return None
    return prepared
