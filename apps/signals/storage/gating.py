"""What the gate says, written down: the run's state, its findings, and why it waits."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from apps.signals.artifacts.control import parse_started_at
from apps.signals.artifacts.findings import Finding, capped
from apps.signals.artifacts.gate import Look, Verdict
from apps.signals.models import Run, RunFinding
from apps.signals.states import RUN_MOVES, RunStatus

# A run's files may change until it is loaded, also under a load that died.
JUDGED = RUN_MOVES["gate"] | RUN_MOVES["load"] | {RunStatus.LOADING}
DETAIL_CHARS = 500


@transaction.atomic
def record_look(run: Run, look: Look) -> None:
    """Write down that a run waits, or is rejected, for what its listing and control files show."""
    _record(run, look, look.findings, passes=False, manifest_sha256="")


@transaction.atomic
def record_verdict(run: Run, verdict: Verdict) -> None:
    """Write down what the gate says; a run that is past its gate is left alone."""
    _record(
        run,
        verdict.look,
        verdict.findings,
        passes=verdict.passes,
        manifest_sha256=verdict.manifest_sha256,
    )


def _record(run: Run, look: Look, findings: Sequence[Finding], *, passes: bool, manifest_sha256: str) -> None:
    blocking = [finding for finding in findings if finding.severity == "error"]
    is_permanent = any(finding.is_permanent for finding in blocking)
    refused = RunStatus.REJECTED if is_permanent else RunStatus.WAITING
    declared = look.declared
    # Conditional, because a load may claim the run at this moment.
    judged = Run.objects.filter(pk=run.pk, status__in=JUDGED)
    if not judged.update(
        status=RunStatus.READY if passes else refused,
        scan_sha256=look.scan_sha256,
        manifest_sha256=manifest_sha256,
        node_count=len(declared.nodes),
        byte_count=look.size_bytes,
        taxonomy_hash=(declared.semantic.taxonomy_hash or declared.bundle.taxonomy_hash or "")[:255],
        error_code=blocking[0].code if blocking else "",
        error_detail=blocking[0].message[:DETAIL_CHARS] if blocking else "",
        **_started_at(look),
    ):
        return
    replace_findings(run, findings)
    run.refresh_from_db()


def _started_at(look: Look) -> dict[str, object]:
    manifest = look.declared.manifest
    try:
        return {"started_at": parse_started_at(manifest.started_at)} if manifest else {}
    except ValueError:
        return {}


def replace_findings(run: Run, findings: Iterable[Finding]) -> None:
    """Put what gate and load found in place of what they found before."""
    before = RunFinding.objects.filter(run=run)
    (before.filter(code__startswith="gate.") | before.filter(code__startswith="load.")).delete()
    RunFinding.objects.bulk_create(
        RunFinding(
            organization_id=run.organization_id,
            run=run,
            severity=finding.severity,
            code=finding.code,
            message=finding.message,
            file=finding.file,
            line=finding.line,
            count=finding.count,
        )
        for finding in capped(findings)
    )
