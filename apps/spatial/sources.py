"""What a map question reads: its datasets with their versions, and the scopes that its filters open."""

import functools
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.accounts.permissions import Actor
from apps.common.errors import Conflict, FieldError, Invalid, NotFound
from apps.common.prepared import Prepared, prepare_visible
from apps.datasets.models import Dataset, Version
from apps.datasets.queries.scopes import Filters, Scope, open_scope
from apps.datasets.queries.selections import Selection
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.versions import epoch_of, readable_version

NEAREST: Final = 5
NEAR_ENOUGH: Final = 0.4


class NotReady(Conflict):
    """The dataset has no version yet.

    It can be mapped as soon as an import has published its first version.
    """

    code = "spatial.not_ready"


class CategoryUnknown(Invalid):
    """None of the datasets has this category.

    The error lists the nearest names; the dataset's page lists all of them.
    """

    code = "spatial.category_unknown"


class LabelUnknown(Invalid):
    """None of the datasets has this label.

    The error lists the nearest ones.
    """

    code = "spatial.label_unknown"


@dataclass(frozen=True, slots=True)
class HexQuery:
    """A map question as asked (the parameters Q of places-maps.md section 2).

    resolution None: chosen by the estimate. `echo` is the selection as the answer repeats it. include: of
    categories, labels, value, geometry. pinned: the version to read of each dataset; without, `version` of
    the one dataset or each one's current version.
    """

    dataset_ids: tuple[uuid.UUID, ...]
    selection: Selection
    echo: dict[str, Any]
    filters: Filters
    version: int | None = None
    resolution: int | None = None
    level: float = 0.95
    include: frozenset[str] = frozenset({"categories", "value"})
    pinned: tuple[int, ...] = ()

    @property
    def identity(self) -> str:
        """Return a text that is the same for the same question."""
        return repr(
            (self.selection, self.filters, self.version, self.resolution, self.level, sorted(self.include))
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset, the version that is read, and the oldest version with the same data in the window."""

    dataset: Dataset
    version: Version
    epoch: Version

    @property
    def key(self) -> str:
        """Return what the answer's cache key takes from this source."""
        return f"{self.dataset.no}.{self.dataset.rules_no}.{self.epoch.number}"


def open_sources(actor: Actor, query: HexQuery) -> tuple[Source, ...]:
    """Return the sources in the order asked.

    Raises NotFound for a dataset that is not the actor's, NotReady before its first version, VersionGone.
    One query for the datasets and one or two for each.
    """
    ids = tuple(dict.fromkeys(query.dataset_ids))
    found = {dataset.pk: dataset for dataset in _visible(actor, ids)}
    numbers = query.pinned or (query.version,) * len(ids)
    return tuple(
        _open_source(found.get(pk), pk, query, number) for pk, number in zip(ids, numbers, strict=True)
    )


def open_scopes(sources: Sequence[Source], query: HexQuery) -> list[Scope]:
    """Return the scopes of the sources.

    Raises CategoryUnknown or LabelUnknown for a name that no source has. One query for the vocabularies and
    one for each manifest.
    """
    vocabularies = load_vocabularies([source.dataset.no for source in sources])
    categories = {text for each in vocabularies.values() for text in each.categories.values()}
    labels = {text for each in vocabularies.values() for text in each.labels.values()}
    _check_names(query.filters.categories, categories, CategoryUnknown, "category")
    _check_names(query.filters.labels, labels, LabelUnknown, "label")
    return [
        open_scope(source.dataset, source.version, query.filters, vocabularies[source.dataset.no])
        for source in sources
    ]


def _visible(actor: Actor, ids: Sequence[uuid.UUID]) -> Iterable[Dataset]:
    """Return those of the datasets that the actor sees. One query, compiled once where one is asked for."""
    prepared = _one_dataset() if len(ids) == 1 else None
    if prepared is not None:
        return prepared.rows(organization=actor.organization.pk, value=ids[0])
    return Dataset.objects.visible_to(actor).select_related("current_version").filter(pk__in=ids)


@functools.cache
def _one_dataset() -> Prepared[Dataset] | None:
    return prepare_visible(Dataset.objects.select_related("current_version"), "pk")


def _open_source(dataset: Dataset | None, pk: uuid.UUID, query: HexQuery, number: int | None) -> Source:
    if dataset is None:
        raise NotFound(f"There is no dataset {pk}.")
    if dataset.current_version is None:
        raise NotReady(f"The dataset {dataset.name} has no version yet.")
    current = dataset.current_version
    version = current if number is None else readable_version(dataset, number)
    span = query.filters.window.in_zone(ZoneInfo(dataset.zone))
    return Source(dataset, version, epoch_of(version, span))


def _check_names(asked: Sequence[str], known: Collection[str], error: type[Invalid], parameter: str) -> None:
    """Raise `error` for the first name that is not known, with those most like it."""
    for name in asked:
        if name in known:
            continue
        by_fold = {text.casefold(): text for text in sorted(known)}
        near = get_close_matches(name.casefold(), by_fold, NEAREST, NEAR_ENOUGH)
        nearest = [by_fold[fold] for fold in near]
        detail = f"There is no {parameter} {name!r}."
        if nearest:
            detail += f" Did you mean {nearest[0]!r}?"
        raise error(
            detail,
            errors=[FieldError(detail, code=f"{parameter}_unknown", parameter=parameter)],
            extra={"nearest": nearest},
        )
