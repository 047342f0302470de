"""A worker that was given up for lost, but lives, writes no signals beside whoever comes after it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from apps.common import jobs
from apps.signals.hydrating import batches, stages
from apps.signals.hydrating.batches import Batch
from apps.signals.hydrating.job import run_hydration
from apps.signals.hydrating.scope import Scope
from apps.signals.models import Hydration, Run, Signal
from apps.signals.services import start_hydration
from apps.signals.states import HydrationTrigger
from tests.furniture.people import Actors
from tests.signals.listing import get
from tests.signals.marts import graph_of, make_marts, make_run, put


@pytest.fixture
def run(actors: Actors, settings: Any) -> Run:
    """Give a built run of two batches."""
    settings.SIGNALS_HYDRATE_BATCH = 1
    make_marts()
    built = make_run(graph_of(actors.organization), 2)
    put(built, "FAC001")
    put(built, "FAC002")
    return built


@pytest.mark.django_db
def test_no_batch_is_written_after_the_lease_is_lost(
    actors: Actors, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = start_hydration(actor=actors.admin.actor, run=run, trigger=HydrationTrigger.API)

    def given_up_before_the_second(scope: Scope) -> Iterator[Batch]:
        for number, batch in enumerate(batches.batches(scope)):
            if number:
                Hydration.objects.filter(pk=row.pk).update(workers_lost=2)
                assert jobs.reap_jobs() == 1
                # What is counted now is kept until the next hydration.
                get(actors.viewer, "/filter-options")
            yield batch

    monkeypatch.setattr(stages, "batches", given_up_before_the_second)
    jobs.execute(run_hydration.kind, row.pk)

    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.worker_lost")
    assert Signal.objects.count() == 1
    counted = get(actors.viewer, "/filter-options")["facility_id"]["values"]
    assert [each["count"] for each in counted] == [1]


@pytest.mark.django_db(transaction=True)
def test_nobody_takes_a_hydration_over_while_a_batch_is_written(
    actors: Actors, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = start_hydration(actor=actors.admin.actor, run=run, trigger=HydrationTrigger.API)
    write = batches._write
    refused: list[bool] = []

    def take_over() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
                Hydration.objects.filter(pk=row.pk).update(lease_token=None)
        except OperationalError:
            refused.append(True)
        finally:
            connection.close()

    def tried_meanwhile(*arguments: Any) -> Any:
        thread = threading.Thread(target=take_over)
        thread.start()
        thread.join()
        return write(*arguments)

    monkeypatch.setattr(batches, "_write", tried_meanwhile)
    jobs.execute(run_hydration.kind, row.pk)

    row.refresh_from_db()
    assert (row.status, refused) == ("succeeded", [True, True])
