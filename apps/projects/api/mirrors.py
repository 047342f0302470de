"""The endpoints of a project's mirror: link, sync, clone anew, runs, refs."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.filters import StrictFilterSet, one_of
from apps.common.pagination import Cursor, cursor_link, cursor_scope, decode_cursor
from apps.projects.api import mirror_serializers as shapes
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.models import Mirror, MirrorRun
from apps.projects.queries.mirrors import linked_mirror, listed_runs, refs_page
from apps.projects.rights import Right
from apps.projects.services import mirrors as services
from apps.projects.states import RunKind, RunOutcome

LINK = (Right.OWN, "projects.link")
SYNC = (Right.EDIT, "projects.sync")
PLACE_PARTS = 2


@extend_schema(parameters=[PROJECT])
class MirrorViewSet(ProjectPartViewSet[Mirror]):
    """The mirror of one project."""

    queryset = Mirror.objects.all()
    serializer_class = shapes.MirrorOut
    rights = {"link": LINK, "unlink": LINK, "sync": SYNC, "reclone": LINK}
    query_serializer_classes = {"refs": shapes.RefsParameters}

    @extend_schema(operation_id="project_mirror", responses=shapes.MirrorOut)
    def show(self, request: Request, **_: str) -> Response:
        """Return what is mirrored, how it stands, and when it is looked at next."""
        return Response(self.answer(linked_mirror(self.project)))

    @extend_schema(
        operation_id="project_link_repo", request=shapes.LinkIn, responses={202: shapes.MirrorRunOut}
    )
    def link(self, request: Request, **_: str) -> Response:
        """Mirror a repository, or another one than before; what is published serves until it is there."""
        project = self.project
        run = services.link_repo(actor=self.actor, project=project, **self.validated(shapes.LinkIn))
        return Response(shapes.MirrorRunOut(run).data, status=202, headers=_place_of(run))

    @extend_schema(operation_id="project_unlink_repo", responses={204: None})
    def unlink(self, request: Request, **_: str) -> Response:
        """Mirror nothing any more: files are gone at once, manifests stay."""
        services.unlink_repo(actor=self.actor, project=self.project)
        return Response(status=204)

    @extend_schema(
        operation_id="project_sync_repo", request=shapes.SyncIn, responses={202: shapes.StartedRunOut}
    )
    def sync(self, request: Request, **_: str) -> Response:
        """Look at the repository now, or join the run that does."""
        project, asked = self.project, self.validated(shapes.SyncIn)
        return started(*services.start_sync(actor=self.actor, project=project, is_override=asked["override"]))

    @extend_schema(operation_id="project_mirror_reclone", request=None, responses={202: shapes.StartedRunOut})
    def reclone(self, request: Request, **_: str) -> Response:
        """Clone the repository anew; what is published serves until the new copy is ready."""
        return started(*services.start_reclone(actor=self.actor, project=self.project))

    @extend_schema(operation_id="project_refs", responses=shapes.RefPageOut)
    def refs(self, request: Request, **_: str) -> Response:
        """List branches, tags, archived tips and applied proposals, by kind and name."""
        project, asked = self.project, self.validated_query()
        after, size = _place_after(request, asked), asked["page_size"]
        rows = refs_page(
            project,
            kinds=sorted(asked.get("kind", ())),
            search=asked.get("search", ""),
            after=after,
            limit=size + 1,
        )
        following = Cursor((rows[size - 1].kind, rows[size - 1].name)) if len(rows) > size else None
        link = cursor_link(request, following, cursor_scope(request))
        shown = shapes.ListedRefOut(rows[:size], many=True).data
        return Response({"results": shown, "next": link, "previous": None})


class MirrorRunFilter(StrictFilterSet):
    """Runs by what they do and what they found."""

    kind = one_of(RunKind)
    outcome = one_of(RunOutcome)

    class Meta:
        model = MirrorRun
        fields: list[str] = []


@extend_schema(parameters=[PROJECT])
class MirrorRunViewSet(ProjectPartViewSet[MirrorRun]):
    """The runs of one project's mirror, those of 90 days."""

    queryset = MirrorRun.objects.all()
    offers = ("list", "retrieve")
    serializer_class = shapes.MirrorRunOut
    filterset_class = MirrorRunFilter

    def get_queryset(self) -> QuerySet[MirrorRun]:
        """Return the runs of the project in the address."""
        if getattr(self, "swagger_fake_view", False):
            return MirrorRun.objects.none()
        return listed_runs(self.project, now=timezone.now())


def started(run: MirrorRun, joined: bool) -> Response:
    """Return the answer to a call that queued a run, or joined one."""
    shown = {**shapes.MirrorRunOut(run).data, "joined": joined}
    return Response(shown, status=202, headers=_place_of(run))


def _place_of(run: MirrorRun) -> dict[str, str]:
    return {"Location": reverse("project-sync-detail", args=[run.project_id, run.pk])}


def _place_after(request: Request, asked: dict[str, Any]) -> tuple[str, str] | None:
    if "cursor" not in asked:
        return None
    kind, name = decode_cursor(asked["cursor"], cursor_scope(request), PLACE_PARTS).values
    return kind, name
