"""The clocks of datasets; `config/schedule.py` says when each ticks. Two at once do no harm."""

from django.utils import timezone

from apps.common.locks import try_session_lock
from apps.datasets import pruning, upload_pruning
from apps.datasets.importing.part_files import drop_lost_parts
from apps.datasets.source_services import run_due_sources, settle_months
from apps.datasets.upkeep_tasks import forget_upkeep, queue_drops, queue_missing_rollups


def drop_segments() -> None:
    """Queue the drop of segments that no kept version lists, those of deleted datasets among them."""
    with try_session_lock("datasets.drop") as held:
        if held:
            pruning.give_up_deleted_datasets(timezone.now())
            queue_drops(pruning.mark_unlisted_segments(timezone.now()))


def run_sources() -> None:
    """Queue what the schedules of sources ask for, and note what imports ended unheard."""
    with try_session_lock("datasets.run_sources") as held:
        if held:
            settle_months(timezone.now())
            run_due_sources(timezone.now())


def prune_datasets() -> None:
    """Drop versions past their number, left-over stage tables, old evidence, source files and uploads."""
    with try_session_lock("datasets.prune") as held:
        if not held:
            return
        now = timezone.now()
        pruning.expire_waiting(now)
        pruning.settle_datasets()
        pruning.drop_old_versions(now)
        pruning.drop_stage_tables(now)
        pruning.drop_evidence(now)
        pruning.drop_source_files(now)
        drop_lost_parts(now)
        upload_pruning.expire_uploads(now)
        upload_pruning.drop_lost_files(now)
        queue_missing_rollups()
        forget_upkeep(now)
