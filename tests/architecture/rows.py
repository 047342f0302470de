"""Rows of one organization for every place of an address, so that the matrix can try each with real ones.

A new kind of address needs one line in ROWS: the segment before the place, and what stands in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import AuditEntry, Invitation, Notification, Role, User
from apps.accounts.services import create_api_key, notify, record_audit, sign_in
from apps.common.db import uuid7
from apps.datasets.models import Dataset, Import, ImportFile, Profile
from apps.datasets.source_services import create_source
from apps.datasets.upload_services import begin_upload
from apps.metrics.models import Metric
from apps.previews.models import Device
from apps.previews.models import Session as PreviewSession
from apps.projects.states import Visibility
from apps.signals.models import Comment, DbtBuild, DbtModel, Event, Graph, Hydration, Run, Signal
from apps.signals.storage.dbt_files import store_artifacts
from apps.spatial.area_services import create_area
from apps.spatial.models import Area, Artifact, ForecastModel, Prediction, TrainingRun
from tests.factories.accounts import PASSWORD, create_member
from tests.factories.datasets import EventRow, published_dataset
from tests.factories.metrics import create_metric
from tests.factories.previews import make_preview
from tests.factories.projects import ProjectFactory, ProjectMemberFactory
from tests.factories.signals import EventFactory, GraphFactory, ObservationFactory, RunFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.projects.repositories import Repository
from tests.projects.rights_world import Place, RightsWorld
from tests.signals.mart_rows import add_metric, add_raw
from tests.signals.marts import make_marts

MODEL = "fct_signals"
# Addresses without a place that have nothing to show before a run has documents.
OF_THE_BUILD = frozenset({"api/v1/signals/metadata/bundle", "api/v1/signals/metadata/run-manifest"})
CSV = b"latitude,longitude,time,category\n51.5,-0.1,2023-01-01T00:00:00Z,event\n"

FACILITY_ID = "H-100"
PATH_KEY = "YS5weQ"
NODE_ID = "losIndex__medicareId"


class World:
    """What there is in the organization of `actors`; each row exists from its first mention on."""

    def __init__(self, actors: Actors) -> None:
        self.actors = actors

    @cached_property
    def dataset(self) -> Dataset:
        """Return a published dataset that none of the actors made: on their own rows they may more."""
        row = published_dataset([EventRow(51.5, -0.1)], organization=self.actors.organization)
        row.created_by = create_member(self.actors.organization, Role.ADMIN)
        row.save()
        return row

    @cached_property
    def event_place(self) -> str:
        """Return the id of the dataset's one event."""
        return f"{self.dataset.segments.get().no}-0"

    @cached_property
    def job(self) -> Import:
        """Return an import of the dataset, which is also a job."""
        row = Import.objects.create(
            dataset=self.dataset, created_by=self.dataset.created_by, options={"dry_run": False}
        )
        name = default_storage.save("matrix.csv", ContentFile(CSV))
        ImportFile.objects.create(
            source_import=row, file_no=1, name="a.csv", storage_name=name, bytes=len(CSV), sha256=b"x"
        )
        row.refresh_from_db()
        return row

    @cached_property
    def forecast(self) -> TrainingRun:
        """Return a training, which failed, of a model whose artifact's file is lost."""
        model = ForecastModel.objects.create(
            organization=self.actors.organization, dataset=self.dataset, name="F", period="week"
        )
        model.artifact = Artifact.objects.create(
            model=model, number=1, sha256="", storage_name="gone.zip", dataset_version=1,
            serving_method="mean",
        )  # fmt: skip
        model.save()
        row = TrainingRun.objects.create(model=model, status="failed")
        row.refresh_from_db()
        return row

    @cached_property
    def prediction(self) -> Prediction:
        """Return a prediction of that model, of one period without cells."""
        periods = [{"period": "2023-01-02", "start": "2023-01-02T00:00:00Z"}]
        named = {"method": "mean", "baseline": "mean", "dataset": str(self.dataset.pk), "version": 1}
        row = Prediction.objects.create(
            organization=self.actors.organization, model=self.forecast.model, status="succeeded",
            summary={"periods": periods, "resolution": 8, **named},
        )  # fmt: skip
        row.refresh_from_db()
        return row

    @cached_property
    def invitation(self) -> Invitation:
        """Return a pending invitation."""
        return Invitation.objects.create(
            organization=self.actors.organization,
            email="invited@example.com",
            role=Role.VIEWER,
            token_hash=b"-" * 32,
            expires_at=timezone.now() + timedelta(days=7),
        )

    @cached_property
    def audit_entry(self) -> AuditEntry:
        """Return a line of the organization's audit."""
        return record_audit(actor=self.actors.admin.actor, verb="accounts.organization_changed")

    @cached_property
    def area(self) -> Area:
        """Return a named area."""
        polygon = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
        return create_area(actor=self.actors.admin.actor, name="Area", polygon=polygon)

    @cached_property
    def metric(self) -> Metric:
        """Return a metric whose name is its id: addresses take either, topics the name."""
        row_id = uuid7()
        return create_metric(self.actors.organization, str(row_id), id=row_id)

    @cached_property
    def signal(self) -> Signal:
        """Return a new signal that one run observed."""
        row = create_signal(self.actors.organization)
        ObservationFactory.create(signal=row)
        return row

    @cached_property
    def event(self) -> Event:
        """Return a line of the feed."""
        return EventFactory.create(signal=self.signal)

    def comment_of(self, person: Person) -> Any:
        """Return the id of a comment that the person wrote, the admin's if they have nobody behind them."""
        fields = {"signal": self.signal, "organization": self.actors.organization}
        return Comment.objects.create(author=self.user_of(person), body="Look.", **fields).pk

    @cached_property
    def run(self) -> Run:
        """Return a graph's current run, with a node, a narrative and the metric above."""
        graph = GraphFactory.create(organization=self.actors.organization)
        row = RunFactory.create(graph=graph)
        Graph.objects.filter(pk=graph.pk).update(current_run=row)
        make_marts()
        add_metric(row, str(self.metric.pk))
        add_raw(row, "raw_narratives", facility_id=FACILITY_ID, body="")
        add_raw(
            row, "raw_node_results", node_id=NODE_ID, metric_id="losIndex", is_temporal=False,
            entity_results_count=0,
        )  # fmt: skip
        return row

    @cached_property
    def build(self) -> DbtBuild:
        """Return a build with a model and its manifest, beside a run that has documents."""
        organization = self.actors.organization
        add_raw(self.run, "raw_documents", 2, kind="run_manifest", payload={"run_id": self.run.run_id})
        add_raw(self.run, "raw_documents", 3, kind="metadata_bundle", payload={"metrics": []})
        row = DbtBuild.objects.create(
            organization=organization, schema="public", status="succeeded", finished_at=timezone.now()
        )
        DbtModel.objects.create(
            organization=organization, unique_id=f"model.sextant.{MODEL}", name=MODEL, layer="marts"
        )
        store_artifacts(organization.pk, row.pk, {"manifest": b"{}"})
        return row

    def of_the_build(self, name: str) -> str:
        """Return a name that means something once the build is there."""
        assert self.build
        return name

    @cached_property
    def hydration(self) -> Hydration:
        """Return a hydration of the run."""
        return Hydration.objects.create(
            organization=self.actors.organization, graph=self.run.graph, run=self.run, status="succeeded"
        )

    @cached_property
    def preview(self) -> PreviewSession:
        """Return a preview, ready to be fetched, of a project that the analyst edits and nobody here owns."""
        owner = create_member(self.actors.organization, Role.ADMIN)
        project = ProjectFactory.create(organization=self.actors.organization, owner=owner)
        ProjectMemberFactory.create(project=project, user=self.actors.analyst.user, role="editor")
        return make_preview(project, owner)

    @cached_property
    def place(self) -> Place:
        """Return a mirrored project that all see, the analyst edits and nobody here owns, with rows of it."""
        folder = Path(settings.PROJECTS_DATA_DIR).with_name("repositories")
        rights = RightsWorld(self.actors, lambda name: Repository(folder / f"{name}.git"))
        # In place of the world's own people.
        rights.__dict__["people"] = {
            "owner": self._somebody(Role.ADMIN),
            "editor": self.actors.analyst,
            "member": self.actors.viewer,
            "demoted": self._somebody(Role.VIEWER),
        }
        repository = rights.make_repository("rights")
        repository.commit({"a.py": "def hello():\n    return 1\n"})
        return rights.make_place(repository, Visibility.ORGANIZATION)

    def _somebody(self, role: Role) -> Person:
        organization = self.actors.organization
        return Person("somebody", organization, create_member(organization, role), role)

    def job_at(self, where: str) -> Any:
        """Return the id of what an address calls a job."""
        if where.startswith(("api/v1/ai/", "projects/")):
            return self.place.job.pk
        return self.place.proposal.pk if where.startswith("api/v1/refactor/") else self.job.pk

    @cached_property
    def device(self) -> Device:
        """Return a device that holds a slot of the preview."""
        return Device.objects.create(
            organization=self.actors.organization, session=self.preview, device_hash=b"d" * 32,
            last_seen_at=timezone.now(),
        )  # fmt: skip

    def metric_of_all(self) -> Any:
        """Return the id of the metric, which the run has one of the same id of."""
        assert self.run
        return self.metric.pk

    def key_of(self, person: Person) -> Any:
        """Return the id of a key that the person made if they may, else the admin's."""
        maker = person if person.user is not None and person.actor.may("accounts.create_key") else None
        key, _ = create_api_key(
            actor=(maker or self.actors.admin).actor, name="k", role=Role.VIEWER, scopes=["datasets:read"]
        )
        return key.pk

    def notice_of(self, person: Person) -> Any:
        """Return the id of a notice to the person, to the admin if a program asks."""
        user = person.user or self.user_of(self.actors.admin)
        notify(user=user, kind="accounts.invited", title="You are invited", dedupe_key=person.name)
        return Notification.objects.get(user=user, dedupe_key=person.name).pk

    def session_of(self, person: Person) -> Any:
        """Return the id of a session of the person, of the admin if a program asks."""
        pair = sign_in(email=self.user_of(person).email, password=PASSWORD)
        return pair.session.pk

    def source_of(self, _person: Person) -> Any:
        """Return a source that no call before has deleted."""
        return create_source(
            actor=self.actors.admin.actor,
            dataset=self.dataset,
            kind="url",
            template="https://example.org/events.csv",
        ).pk

    def profile_of(self, _person: Person) -> Any:
        """Return a profile that no call before has deleted."""
        mapping = {"fields": {"timestamp": {"column": "time"}, "category": {"constant": "event"}}}
        name = f"Profile {uuid7()}"
        return Profile.objects.create(organization=self.actors.organization, name=name, mapping=mapping).pk

    def upload_of(self, person: Person) -> Any:
        """Return the id of an upload of the person, of the admin if a program asks: it acts for them."""
        return begin_upload(actor=replace(self.actors.admin.actor, user=self.user_of(person)), length=1).pk

    def user_of(self, person: Person) -> User:
        """Return a person's user, the admin's if they have none."""
        user = person.user or self.actors.admin.user
        assert user is not None
        return user

    def everything(self) -> list[str]:
        """Return the ids that nobody of another organization may ever read."""
        rows = (
            self.dataset, self.job, self.invitation, self.audit_entry, self.metric, self.signal,
            self.forecast, self.forecast.model, self.prediction,
            self.run, self.hydration, self.preview, self.device, self.actors.organization,
            self.place.project, self.place.job, self.place.proposal, self.place.run, self.place.credential,
            self.area,
        )  # fmt: skip
        return [
            *(str(row.pk) for row in rows),
            str(self.event.pk),
            str(self.comment_of(self.actors.admin)),
            str(self.key_of(self.actors.admin)),
            str(self.notice_of(self.actors.admin)),
            str(self.user_of(self.actors.admin).pk),
        ]


Row = Callable[[World, Person], Any]

# The segment before a place -> what stands there for a person: their own row where rows are personal.
ROWS: Mapping[str, Row] = {
    "models": lambda world, _: world.of_the_build(MODEL),
    "predictions": lambda world, _: world.prediction.pk,
    "artifacts": lambda world, _: world.of_the_build("manifest"),
    "api-keys": World.key_of,
    "areas": lambda world, _: world.area.pk,
    "assignees": lambda world, person: world.user_of(person).pk,
    "audit": lambda world, _: world.audit_entry.pk,
    "categories": lambda _world, _: 0,
    "comments": World.comment_of,
    "datasets": lambda world, _: world.dataset.pk,
    "download": lambda _world, _: "no-grant",
    "events": lambda world, _: world.event_place,
    "devices": lambda world, _: world.device.pk,
    "feed": lambda world, _: world.event.pk,
    "heatmap": lambda _world, _: 0,
    "hexes": lambda _world, _: "8b195da49a9bfff",
    "imports": lambda world, _: world.job.pk,
    "invitations": lambda world, _: world.invitation.pk,
    "commits": lambda world, _: world.place.head,
    "credentials": lambda world, _: world.place.credential.pk,
    "files": lambda _world, _: "a.py",
    "files-by-key": lambda _world, _: PATH_KEY,
    "keys": World.key_of,
    "jobs": lambda world, _: world.job.pk,
    "graphs": lambda world, _: world.run.graph_id,
    "hydrations": lambda world, _: world.hydration.pk,
    "metrics": lambda world, _: world.metric_of_all(),
    "narratives": lambda world, _: (world.run, FACILITY_ID)[1],
    "nodes": lambda world, _: (world.run, NODE_ID)[1],
    "projects": lambda world, _: world.place.project.pk,
    "profiles": World.profile_of,
    "proposals": lambda world, _: world.place.proposal.pk,
    "raw": lambda _world, _: "a.py",
    "raw-by-key": lambda _world, _: PATH_KEY,
    "renames": lambda world, _: world.place.proposal.pk,
    "syncs": lambda world, _: world.place.run.pk,
    "previews": lambda world, _: world.preview.pk,
    "runs": lambda world, _: world.run.pk,
    "members": lambda world, person: world.user_of(person).pk,
    "notifications": World.notice_of,
    "organizations": lambda world, _: world.actors.organization.pk,
    "sessions": World.session_of,
    "signals": lambda world, _: world.signal.pk,
    "sources": World.source_of,
    "uploads": World.upload_of,
    "tiles": lambda _world, _: 0,
    "versions": lambda _world, _: 1,
}
# Rows of one person, of which a program has none of its own.
PERSONAL = frozenset({"members", "notifications", "sessions"})


def row_of(world: World, person: Person, segment: str, where: str) -> Any:
    """Return what stands after a segment; fails with what to add where."""
    if segment == "sessions" and where.startswith("api/v1/preview/"):
        segment = "previews"
    if segment == "models" and "signals/" not in where:
        return world.forecast.model_id
    if segment == "runs" and where.startswith("api/v1/models/"):
        return world.forecast.pk
    if segment == "jobs":
        return world.job_at(where)
    if segment == "members" and "projects/" in where:
        return world.place.member.pk
    if segment == "files" and where.startswith("api/v1/refactor/"):
        return 0
    if segment not in ROWS:
        raise AssertionError(
            f"The matrix has no row for the place after `{segment}/` of {where}. Add `{segment}` to ROWS in"
            " tests/architecture/rows.py: a function that makes such a row in the actors' organization."
        )
    return ROWS[segment](world, person)
