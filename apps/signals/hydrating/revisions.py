"""A run whose files changed comes again as its next revision; once that is hydrated, the former one goes."""

import datetime as dt
import uuid

from apps.signals.models import Observation, Run, Signal


def supersede_former(run: Run, *, now: dt.datetime) -> list[uuid.UUID]:
    """Let a hydrated run take its former revisions' place, in the caller's transaction; returns their ids.

    Their observations go, and what signals say of them is said of the run. Raw and mart rows go by pruning.
    """
    former = Run.objects.filter(graph=run.graph_id, run_id=run.run_id, revision__lt=run.revision)
    ids = list(former.filter(superseded_at__isnull=True).values_list("pk", flat=True))
    if not ids:
        return []
    Observation.objects.filter(run__in=ids).delete()
    for column in ("first_run", "content_run", "absent_since_run"):
        Signal.objects.filter(graph=run.graph_id, **{f"{column}__in": ids}).update(**{column: run})
    former.filter(pk__in=ids).update(superseded_at=now, updated_at=now)
    return ids
