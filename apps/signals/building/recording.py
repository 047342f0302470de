"""What a build did, written into the tables: results of nodes, the known models, findings of the runs."""

import uuid
from collections.abc import Iterable, Iterator, Sequence

from django.utils import timezone

from apps.signals.building.artifacts import Artifacts, Described, Result
from apps.signals.models import DbtBuild, DbtModel, DbtResult, Run, RunFinding
from apps.signals.states import FindingSeverity
from apps.signals.storage.leftovers import columns_of_relations
from apps.signals.storage.mart_findings import count_findings

NODE_FAILED = "build.node_failed"
TEST_WARNED = "build.test_warned"
FINDINGS_MAX = 50
MESSAGE_CHARS = 1_000
CHANGING = (
    "name", "layer", "schema", "materialization", "description", "columns", "tags", "depends_on", "tests",
    "updated_at",
)  # fmt: skip


def record_results(build: DbtBuild, artifacts: Artifacts) -> None:
    """Put the results of this attempt in place of those of a former one."""
    DbtResult.objects.filter(build=build).delete()
    DbtResult.objects.bulk_create(
        DbtResult(
            organization_id=build.organization_id,
            build=build,
            unique_id=each.unique_id,
            resource_type=each.resource_type,
            status=each.status,
            execution_s=each.execution_s,
            failures=each.failures,
            message=each.message,
        )
        for each in artifacts.results
    )


def record_models(build: DbtBuild, artifacts: Artifacts) -> None:
    """Let the organization's models be those of the manifest, with their columns and what tests said last."""
    columns = columns_of_relations(build.schema)
    known = DbtModel.objects.filter(organization_id=build.organization_id)
    statuses = {test["name"]: test["status"] for model in known for test in model.tests}
    statuses |= {each.unique_id: each.status for each in artifacts.results}
    known.exclude(unique_id__in=[model.unique_id for model in artifacts.models]).delete()
    DbtModel.objects.bulk_create(
        [_row(build, each, columns.get((each.schema, each.name), []), statuses) for each in artifacts.models],
        update_conflicts=True,
        unique_fields=["organization", "unique_id"],
        update_fields=CHANGING,
    )


def _row(
    build: DbtBuild, model: Described, columns: Iterable[tuple[str, str]], statuses: dict[str, str]
) -> DbtModel:
    return DbtModel(
        organization_id=build.organization_id,
        unique_id=model.unique_id,
        name=model.name,
        layer=model.layer,
        schema=model.schema,
        materialization=model.materialization,
        description=model.description,
        columns=[
            {"name": name, "type": kind, "description": model.columns.get(name, "")} for name, kind in columns
        ],
        tags=list(model.tags),
        depends_on=list(model.depends_on),
        tests=[
            {"name": name, "column": column or None, "status": statuses.get(name)}
            for name, column in sorted(model.tests.items())
        ],
        updated_at=timezone.now(),
    )


def replace_findings(runs: Sequence[Run], artifacts: Artifacts, *, with_marts: bool) -> None:
    """Put what this build found in the runs in place of what the one before found.

    `with_marts`: count what the marts show, too; they are whole only after a build that failed nowhere.
    """
    RunFinding.objects.filter(run__in=runs, code__startswith="build.").delete()
    found = [finding for run in runs for finding in _of_nodes(run, artifacts)]
    if with_marts:
        found += _of_marts({run.pk: run for run in runs})
    RunFinding.objects.bulk_create(found)


def _of_nodes(run: Run, artifacts: Artifacts) -> Iterator[RunFinding]:
    for result in artifacts.failed[:FINDINGS_MAX]:
        yield _finding(run, FindingSeverity.ERROR, NODE_FAILED, _explained(result), result.failures or 1)
    for result in artifacts.warned[:FINDINGS_MAX]:
        yield _finding(run, FindingSeverity.WARN, TEST_WARNED, _explained(result), result.failures or 1)


def _explained(result: Result) -> str:
    return f"{result.resource_type} {result.name}: {' '.join(result.message.split())}"


def _of_marts(runs: dict[uuid.UUID, Run]) -> list[RunFinding]:
    return [
        _finding(runs[each.run_id], FindingSeverity.WARN, each.code, each.message, each.count)
        for each in count_findings(list(runs))
    ]


def _finding(run: Run, severity: FindingSeverity, code: str, message: str, count: int) -> RunFinding:
    return RunFinding(
        organization_id=run.organization_id,
        run=run,
        severity=severity,
        code=code,
        message=message[:MESSAGE_CHARS],
        count=count,
    )
