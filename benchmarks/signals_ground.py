"""What benchmarks of signals stand on: an organization of their own and generated runs."""

import secrets
import shutil
from pathlib import Path
from typing import Self

from django.conf import settings

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, system_actor
from apps.accounts.services import purge_organization
from apps.signals.discovery.registering import register_all
from apps.signals.models import Run
from apps.signals.sampling.options import SampleOptions
from apps.signals.sampling.runs import make_sample_runs
from benchmarks.stage import Stage


class Ground:
    """An organization with a graph for each size of run; everything goes with it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._root = stage.folder / "runs"
        self._root_before = settings.RUNS_ROOT
        slug = f"bench-{secrets.token_hex(4)}"
        self.organization = Organization.objects.create(name="Benchmark", slug=slug)

    def __enter__(self) -> Self:
        shutil.rmtree(self._root, ignore_errors=True)
        settings.RUNS_ROOT = str(self._root)
        return self

    def __exit__(self, *_: object) -> None:
        settings.RUNS_ROOT = self._root_before
        purge_organization(self.organization)
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def actor(self) -> Actor:
        """Return who starts stages."""
        return system_actor(self.organization)

    def runs(self, entities: int, count: int = 1) -> list[Run]:
        """Return runs of so many entities in run order, generated and registered at the first call."""
        graph = f"bench_{entities}"
        if not (self._root / graph).exists():
            self._stage.say(f"making {count} runs of {entities:,} entities")
            options = SampleOptions(Path(self._root), graph=graph, entities=entities, runs=count)
            for _run in make_sample_runs(options):
                pass
            register_all(self.organization)
        return list(Run.objects.filter(graph__name=graph, organization=self.organization).in_run_order())
