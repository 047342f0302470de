"""What dbt knows: builds, models, how these hang together, and the documents of a run."""

import uuid
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import QuerySet

from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.signals.models import DbtBuild, DbtModel, Graph, Run
from apps.signals.states import LOADED_STATES
from apps.signals.storage.dbt_files import artifact_name

BUNDLE, MANIFEST, SEMANTIC = "metadata_bundle", "run_manifest", "semantic_manifest"
DOCUMENT_SQL: Final = """
SELECT payload FROM raw_documents WHERE run_id = %s AND kind = %s ORDER BY file_id, line_no LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class MetadataSummary:
    """How much dbt knows, and how its last build went."""

    schema: str
    model_count: int
    models_by_layer: Mapping[str, int]
    test_count: int
    tests_by_status: Mapping[str, int]
    last_build: DbtBuild | None


def summarize_metadata(actor: Actor) -> MetadataSummary:
    """Return the summary of the actor's organization; two queries."""
    models = list(DbtModel.objects.visible_to(actor).only("layer", "tests"))
    # A test of two models stands with both of them.
    tests = {test["name"]: test["status"] or "unknown" for model in models for test in model.tests}
    return MetadataSummary(
        schema=settings.SIGNALS_DBT_SCHEMA,
        model_count=len(models),
        models_by_layer=dict(sorted(Counter(model.layer for model in models).items())),
        test_count=len(tests),
        tests_by_status=dict(sorted(Counter(tests.values()).items())),
        last_build=newest_builds(actor).first(),
    )


def newest_builds(actor: Actor) -> Any:
    """Return the builds of the actor's organization that have ended, the newest first."""
    ended = DbtBuild.objects.visible_to(actor).filter(status__in=[JobStatus.SUCCEEDED, JobStatus.FAILED])
    return ended.order_by("-finished_at", "-pk")


@dataclass(frozen=True, slots=True)
class Relative:
    """A model, seed or source that another depends on, or that depends on it, so many steps away."""

    unique_id: str
    name: str
    resource_type: str
    layer: str | None
    distance: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a model is made of and what is made of it, nearest first."""

    model: DbtModel
    upstream: list[Relative] = field(default_factory=list)
    downstream: list[Relative] = field(default_factory=list)


def lineage_of(actor: Actor, model: DbtModel) -> Lineage:
    """Return the lineage of a model to any depth, sources included; one query."""
    models = {each.unique_id: each for each in DbtModel.objects.visible_to(actor)}
    parents = {key: each.depends_on for key, each in models.items()}
    children: dict[str, list[str]] = {}
    for key, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(key)
    return Lineage(
        model,
        upstream=_relatives(models, _distances(model.unique_id, parents)),
        downstream=_relatives(models, _distances(model.unique_id, children)),
    )


def _distances(start: str, neighbours: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Return how far everything reachable is, by the shortest way."""
    found = {start: 0}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in neighbours.get(here, ()):
            if there not in found:
                found[there] = found[here] + 1
                waiting.append(there)
    del found[start]
    return found


def _relatives(models: Mapping[str, DbtModel], distances: Mapping[str, int]) -> list[Relative]:
    found = [_relative(models.get(key), key, distance) for key, distance in distances.items()]
    return sorted(found, key=lambda each: (each.distance, each.name, each.unique_id))


def _relative(model: DbtModel | None, unique_id: str, distance: int) -> Relative:
    name = model.name if model else unique_id.rpartition(".")[2]
    return Relative(unique_id, name, unique_id.partition(".")[0], model.layer if model else None, distance)


def loaded_run(actor: Actor, run_id: uuid.UUID) -> Run:
    """Return a run whose raw rows are there; raises NotFound."""
    found = _loaded_runs(actor).filter(pk=run_id).first()
    if found is None:
        raise NotFound
    return found


def described_run(actor: Actor, run_id: uuid.UUID | None) -> Run | None:
    """Return the named run, else the newest current one, None without any; raises NotFound."""
    if run_id is not None:
        return loaded_run(actor, run_id)
    current = Graph.objects.visible_to(actor).values("current_run")
    return _loaded_runs(actor).filter(pk__in=current).order_by("-started_at", "-pk").first()


def _loaded_runs(actor: Actor) -> QuerySet[Run]:
    return Run.objects.visible_to(actor).select_related("graph").filter(status__in=LOADED_STATES)


def document_of(run: Run | None, kind: str) -> Any:
    """Return a control file of a run as it was loaded, None if it has none."""
    if run is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(DOCUMENT_SQL, [run.pk, kind])
        row = cursor.fetchone()
    return None if row is None else orjson.loads(row[0])


def read_artifact(actor: Actor, kind: str) -> bytes:
    """Return an artifact (about a megabyte) of the newest build that left one; raises NotFound."""
    builds = newest_builds(actor).filter(status=JobStatus.SUCCEEDED)[:5]
    for build_id in builds.values_list("pk", flat=True):
        name = artifact_name(actor.organization.pk, build_id, kind)
        if default_storage.exists(name):
            with default_storage.open(name) as file:
                return bytes(file.read())
    raise NotFound
