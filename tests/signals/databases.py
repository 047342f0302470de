"""Databases in which runs are loaded and built already: made once, and cloned for each module of tests.

dbt takes half a minute, so what it builds is kept between runs of the suite, in a template database that
carries the hash of everything that makes it in its name. A clone takes some 50 ms. Files lie in VAR_DIR.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from django.test import override_settings
from psycopg import sql

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common import jobs
from apps.signals.discovery.registering import register_all
from apps.signals.models import Run
from apps.signals.sampling.options import SampleOptions
from apps.signals.sampling.runs import make_sample_runs
from apps.signals.services import start_build, start_load
from tests.factories.accounts import OrganizationFactory
from tests.furniture.database import TestDatabase, connected_to, migrations_hash
from tests.furniture.storage import storages_in

APP: Final = Path(settings.BASE_DIR) / "apps" / "signals"
SAMPLES: Final = Path(settings.BASE_DIR).parent / "shared" / "data" / "insight_graph"
# The organization of the sample runs, and that of the generated ones.
BUILT, MADE = "built", "made"
MADE_GRAPH: Final = "made_graph"
MADE_ENTITIES: Final = 600
PREFIX: Final = "sextant_built_"
SUFFIXES: Final = {".py", ".sql", ".csv", ".yml"}


def source_hash(parts: tuple[str, ...]) -> str:
    """Return 12 hexadecimal digits over the sources of some parts of the app, and over the migrations."""
    digest = hashlib.sha256(migrations_hash().encode() + str(SAMPLES.exists()).encode())
    digest.update(Path(__file__).read_bytes())
    for part in parts:
        found = [APP / part] if (APP / part).is_file() else sorted((APP / part).rglob("*"))
        for path in found:
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts and "target" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


LOADED_BY: Final = (
    "keys.py",
    "raw_schema.py",
    "artifacts",
    "loading",
    "sampling",
    "formulas",
    "rules",
    "dbt",
)


class PreparedDatabase(TestDatabase):
    """A clone of a template that `prepare` has filled."""

    def __init__(self, purpose: str, prepare: Callable[[], None], parts: tuple[str, ...]) -> None:
        super().__init__(f"{purpose}_")
        self.base = self.template
        self.purpose = purpose
        self.template = f"{PREFIX}{purpose}_{source_hash(parts)}"
        self.prepare = prepare

    def create(self) -> None:
        """Make the clone, and before it the template if no earlier run has left one."""
        with self.server.locked() as server:
            if not self.server.has(server, self.template):
                self._drop_older(server)
                self._build_template(server)
            self._clone(server)

    def _drop_older(self, server: psycopg.Connection[Any]) -> None:
        rows = server.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{PREFIX}{self.purpose}_"]
        ).fetchall()
        for (name,) in rows:
            self.server.drop(server, name)

    def _build_template(self, server: psycopg.Connection[Any]) -> None:
        building = f"{PREFIX}building_{self.purpose}"
        self.server.drop(server, building)
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(make.format(sql.Identifier(building), sql.Identifier(self.base)))
        with connected_to(building):
            self.prepare()
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        server.execute(rename.format(sql.Identifier(building), sql.Identifier(self.template)))


def runs_root() -> Path:
    """Return the folder in which the runs of these databases lie: a RUNS_ROOT for each organization."""
    return Path(settings.VAR_DIR) / "test-runs" / source_hash(LOADED_BY)


def write_runs() -> None:
    """Write the generated runs, and copy the sample runs where they are; without them all are generated."""
    root = runs_root()
    if root.exists():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    for older in root.parent.iterdir():
        shutil.rmtree(older, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        new = Path(folder) / "new"
        if SAMPLES.exists():
            shutil.copytree(SAMPLES, new / BUILT)
        else:
            list(make_sample_runs(SampleOptions(new / BUILT, entities=MADE_ENTITIES, runs=3, seed=2)))
        made = SampleOptions(new / MADE, graph=MADE_GRAPH, entities=MADE_ENTITIES, runs=2)
        list(make_sample_runs(made))
        new.rename(root)


def load_and_build() -> None:
    """Load and build the runs of both organizations, by the jobs."""
    write_runs()
    root = runs_root()
    for slug in (BUILT, MADE):
        with working_folders(), override_settings(RUNS_ROOT=str(root / slug)):
            load_runs(OrganizationFactory.create(slug=slug, name=slug.title()))
    for slug in (BUILT, MADE):
        with working_folders():
            build_runs(Organization.objects.get(slug=slug))


def load_runs(organization: Organization) -> None:
    """Register and load every run below RUNS_ROOT."""
    register_all(organization)
    for run in Run.objects.filter(organization=organization).in_run_order():
        row = start_load(actor=system_actor(organization), run=run)
        jobs.execute("signals.load", row.pk)
        row.refresh_from_db()
        assert row.status == "succeeded", (row.error_code, row.error_detail, row.error_trace)


def build_runs(organization: Organization) -> None:
    """Build every run of the organization in one build."""
    runs = list(Run.objects.filter(organization=organization).in_run_order())
    row = start_build(actor=system_actor(organization), runs=runs)
    jobs.execute("signals.build", row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded", (row.error_code, row.error_detail, row.log_tail, row.error_trace)


class working_folders(override_settings):  # noqa: N801 - a context manager, as Django names its own
    """Let dbt and the file storage work in a folder that goes with the block."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="sextant-signals-")
        place = Path(self.folder.name)
        super().__init__(VAR_DIR=place, STORAGES=storages_in(place / "media"), MEDIA_ROOT=place / "media")

    def disable(self) -> None:
        """Restore the settings, and remove the folder."""
        super().disable()
        self.folder.cleanup()


def cloned(database: PreparedDatabase) -> Iterator[PreparedDatabase]:
    """Work on a clone of a prepared template for a while."""
    database.create()
    try:
        with connected_to(database.name):
            yield database
    finally:
        database.remove()
